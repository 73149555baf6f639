"""Hostile requests: noise, and callbacks that someone has tampered with. For the fuzz test, and by the million.

    python -m tests.hostile 200000

sends so many to a receiver of its own while floods of connections (flood.py) come one after another, and shows
that nothing breaks, that no event lacks a mandatory field, how quick `/livez` is meanwhile, and that the receiver's
memory stays flat.
"""

import gzip
import json
import random
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote, urlencode

import httpx

from ringback.receiver.parsing.callbacks import Callback
from ringback.receiver.providers import CALLBACKS
from ringback.schemas.events import Event, read_event
from ringback.wire.samples import SAMPLES
from ringback.wire.sending import build
from tests.support.service import (
    RINGBACK,
    ROOT,
    TOKEN,
    Service,
    await_ready,
    clean_environment,
    free_port,
    process,
    resident_kib,
    valkey,
)

CONTENT_TYPES: Final = (
    "application/x-www-form-urlencoded", "application/json", "application/json; charset=latin-1", "text/plain", "",
    "multipart/form-data; boundary=x", "multipart/form-data", "application/xml", "\xff",
)  # fmt: skip
CHARSETS: Final = (
    "utf-8", "latin-1", "us-ascii", "windows-1251", "utf-16", "UTF-16BE", "utf-16-le", "UCS-2", "utf-32", "shift_jis",
    "gb18030", "utf-7", "idna", "unicode_escape", "rot13", "zlib", "hex", "undefined", "x" * 300, "\xff", "",
)  # fmt: skip
TEXTS: Final = ("é", "👍", "Привет", "你好", "\x93x\x94", "تست", "\x85")
PART_HEADERS: Final = (
    "", '; filename="a.txt"', "\r\nContent-Type: text/plain; charset=utf-16be", "\r\nContent-Type: charset=hex",
    "\r\nContent-Transfer-Encoding: base64", "\r\nContent-Transfer-Encoding: x", "\r\nX: " + "x" * 5000,
    "\r\nX: 1" * 9, "\r\n: ", "\r\n\r\n--x\r\n", "; name=" + "b" * 500, "\n",
)  # fmt: skip
CODINGS: Final = (
    "gzip", "x-gzip", "deflate", "gzip, deflate", "deflate, deflate", "gzip, gzip, gzip", "br", "zstd", "utf-8",
    "identity", ",", "\xff", "x" * 3000,
)  # fmt: skip
DELIVERIES: Final = ("upgrade", "half-closed", "in pieces", "upgrade, chunked, half-closed", "behind another")
NAMES: Final = sorted({name for sample in SAMPLES.values() for name in sample.examples})
ODD: Final[Sequence[Any]] = (
    None, True, False, 0, -1, 10**30, 0.1, 1e308, "", " ", "0", "000", "-0", "1e999", "nan", "\0", "\ud800", "é",
    "👍" * 50, "60123456789", "+", "9" * 400, [], {}, [[]], {"id": "1"}, [{"a": 1}], "{", '{"id": "1"}', "[{}]",
    "x" * 5000, "2018-12-30 23:59:59", "0001-01-01 00:00:00", "9999-12-31 23:59:59", 253402300800,
    "1690124844000",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One request, less the secret."""

    method: str
    path: str
    query: bytes
    content_type: str
    body: bytes
    content_encoding: str = ""
    delivery: str = ""  # how it goes over its connection, if in none of the usual ways: one of DELIVERIES


def requests_to(callback: Callback, chance: random.Random) -> Iterator[Request]:
    """Give requests to a callback's path without end."""
    name = callback.name.partition("/{")[0]
    makers = (noise, mutated, tampered, tampered, many, nested, wrong_form, in_parts, in_a_charset)
    while True:
        content_type, query, body = chance.choice(makers)(name, chance)
        content_encoding, body = encoded(body, chance) if chance.random() < 0.3 else ("", body)
        # Not of dots alone: a client would take them for a way up.
        path = callback.name.replace("{step}", "s" + quote(word(chance), safe=""))
        method = chance.choice(("PUT", "POST", "POST", "GET"))
        delivery = chance.choice(DELIVERIES) if chance.random() < 0.1 else ""
        yield Request(method, path, query, content_type, body, content_encoding, delivery)


Made = tuple[str, bytes, bytes]


def noise(_: str, chance: random.Random) -> Made:
    """Bytes that mean nothing, now and then with a beginning that promises something."""
    start = chance.choice((b"", b"", b"{", b"[", b'{"a":', b"\xef\xbb\xbf", b"mocean-msgid=", b"a[b]="))
    length = chance.choice((0, 1, 10, 100, 1000, 20_000))
    return (
        chance.choice(CONTENT_TYPES),
        quote(chance.randbytes(chance.randrange(20))).encode(),
        start + chance.randbytes(length),
    )


def mutated(name: str, chance: random.Random) -> Made:
    """A good callback with some of its bytes changed, lost or doubled."""
    content_type, body = good(name)
    changed = bytearray(body)
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                changed[at : at + 1] = chance.randbytes(1)
            case 1:
                del changed[at : at + chance.randrange(10)]
            case 2:
                changed[at:at] = changed[at : at + chance.randrange(30)]
            case _:
                changed[at:at] = chance.choice(
                    (b"&", b"=", b"%", b"[", b"]", b"{", b"}", b'"', b"\\u", b",", b"\xe9", b"\0")
                )
    return content_type, b"", bytes(changed)


def tampered(name: str, chance: random.Random) -> Made:
    """A good callback with odd values, further fields, or without some."""
    fields = fields_of(name)
    for _ in range(chance.randrange(5)):
        here = chance.choice([each for each in (fields, *fields.values()) if isinstance(each, dict)])
        match chance.randrange(4):
            case 0 if here:
                del here[chance.choice(list(here))]
            case 1:
                here[chance.choice(NAMES)] = odd(chance)
            case 2:
                here[word(chance)] = odd(chance)
            case _ if here:
                here[chance.choice(list(here))] = odd(chance)
    return as_sent(fields, chance)


def many(name: str, chance: random.Random) -> Made:
    """Several callbacks in an array, or a field over and over."""
    if chance.random() < 0.5:
        several = [chance.choice((fields_of(name), {}, 7, odd(chance))) for _ in range(chance.choice((0, 1, 3, 20)))]
        return "application/json", b"", json.dumps(several).encode()
    field = chance.choice(NAMES)
    times = chance.choice((2, 500, 1100))
    if chance.random() < 0.5:
        return "application/x-www-form-urlencoded", b"", b"&".join([urlencode({field: "1"}).encode()] * times)
    return "application/json", b"", b"{" + b",".join([json.dumps(field).encode() + b":1"] * times) + b"}"


def nested(name: str, chance: random.Random) -> Made:
    """A callback with a field that goes deep."""
    depth = chance.choice((10, 99, 101, 1000, 50_000))
    fields = json.dumps(fields_of(name))[:-1]
    opening, closing = chance.choice((("[", "]"), ('{"a":', "}")))
    if chance.random() < 0.2:
        return "", b"", b"a" + b"[b]" * depth + b"=1&" + good(name)[1]
    whole = f'{fields}, "deep": {opening * depth}1{closing * depth}' + "}"
    return chance.choice(CONTENT_TYPES[:3]), b"", whole.encode()


def wrong_form(name: str, chance: random.Random) -> Made:
    """A good callback of any path, in the query or under any content type."""
    other = chance.choice((name, chance.choice(list(SAMPLES))))
    content_type, body = good(other)
    if chance.random() < 0.4:
        return content_type, urlencode({key: str(value) for key, value in fields_of(other).items()}).encode(), b""
    return chance.choice(CONTENT_TYPES), b"a=1&a=2&ctx.order=1&ctx.order=2", body


def in_parts(name: str, chance: random.Random) -> Made:
    """A good callback as a multipart form, with odd headers, boundaries and ends."""
    flat = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in fields_of(name).items()]
    boundary = chance.choice(("x", "x", "X", "-" * 30, "x" * 300, ""))
    start = b"--" + boundary.encode()
    pieces: list[bytes] = []  # joined at the end: a body that grows part by part is copied with each
    for key, value in flat * chance.choice((1, 1, 1, 2, 1100)):
        odd_one = chance.choice(PART_HEADERS) if chance.random() < 0.1 else ""
        head = f'\r\nContent-Disposition: form-data; name="{key}"{odd_one}\r\n\r\n{value}\r\n'
        codec = chance.choice(("utf-8", "utf-16", "cp1251")) if odd_one else "utf-8"
        pieces += start, head.encode(codec, "replace")
    pieces += start, chance.choice((b"--", b"--\r\n", b"--\r\nafter", b"", b" " * 10_000, b"y" * 10, b"\r"))
    body = b"".join(pieces)
    if chance.random() < 0.2:
        body = body[chance.randrange(len(body)) :] if chance.random() < 0.3 else body[: chance.randrange(len(body))]
    declared = chance.choice((f"; boundary={boundary}", f'; boundary="{boundary}"', "", "; boundary=x; charset=utf-16"))
    return f"multipart/form-data{declared}", b"", body


def in_a_charset(name: str, chance: random.Random) -> Made:
    """A good callback with odd texts in one charset, said to be in another; now and then cut, or with marks."""
    fields = fields_of(name)
    for key in list(fields):
        if isinstance(fields[key], str) and chance.random() < 0.3:
            fields[key] = chance.choice(TEXTS) * chance.randrange(1, 9)
    codec = chance.choice(("utf-8", "latin-1", "cp1251", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "gb18030"))
    kind = chance.choice(CONTENT_TYPES[:2])
    if chance.random() < 0.5:
        body = json.dumps(fields, ensure_ascii=False).encode(codec, "replace")
    else:
        flat = {key: value if isinstance(value, str) else json.dumps(value) for key, value in fields.items()}
        body = urlencode(flat, encoding=codec, errors="replace").encode(chance.choice(("utf-8", "utf-8", codec)))
    marks = chance.choice((b"", b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0"))
    body = marks * chance.choice((1, 2, 100)) + body[: len(body) - chance.choice((0, 0, 1, 2, 3))]
    return f"{kind}; charset={chance.choice(CHARSETS)}", b"", body


def encoded(body: bytes, chance: random.Random) -> tuple[str, bytes]:
    """Compress a body, or what would be far too large, in the way that is said or in another; give what is said."""
    said = chance.choice(CODINGS)
    if chance.random() < 0.1:
        body = b"0" * chance.choice((262_144, 262_145, 3_000_000))
    done = said if chance.random() < 0.8 else chance.choice(CODINGS)
    for coding in done.split(", "):
        match coding:
            case "gzip" | "x-gzip":
                body = gzip.compress(body, 1)
            case "deflate":
                body = zlib.compress(body, 1)[chance.choice((0, 0, 2)) :]
    match chance.randrange(8):
        case 0:
            body = body[: chance.randrange(len(body) + 1)]
        case 1:
            body += chance.choice((b"\0", body, gzip.compress(b"") * 100, b"x" * 100))
        case 2 if body:
            at = chance.randrange(len(body))
            body = body[:at] + chance.randbytes(1) + body[at + 1 :]
    return said, body[:262_144]


def as_sent(fields: dict[str, Any], chance: random.Random) -> Made:
    """Write fields in any of the forms that are read."""
    if chance.random() < 0.3:
        flat = {key: value if isinstance(value, str) else json.dumps(value) for key, value in fields.items()}
        encoding = chance.choice(("utf-8", "latin-1"))
        body = urlencode(flat, encoding=encoding, errors="replace").encode()
        return chance.choice(("application/x-www-form-urlencoded", "")), b"", body
    text = json.dumps(fields, ensure_ascii=chance.random() < 0.5)
    return (
        chance.choice(("application/json", "")),
        b"",
        text.encode("utf-8", chance.choice(("surrogatepass", "replace"))),
    )


def good(name: str) -> tuple[str, bytes]:
    """Give the content type and body of a sample with ids of its own."""
    wire = build(SAMPLES[name], {})
    return wire.headers["Content-Type"], wire.body


def fields_of(name: str) -> dict[str, Any]:
    """Give the nested fields of a sample with ids of its own."""
    sample = SAMPLES[name]
    tree: dict[str, Any] = {}
    for field, value in {**sample.fields, **dict.fromkeys(sample.fresh, secrets.token_hex(8))}.items():
        *parents, last = field.split(".")
        here = tree
        for parent in parents:
            here = here.setdefault(parent, {})
        here[last] = value
    return tree


def odd(chance: random.Random) -> Any:
    """Give an odd value, which the caller may change."""
    return deepcopy(chance.choice(ODD))


def word(chance: random.Random) -> str:
    """Give a short word of odd letters."""
    return "".join(chance.choice("abc.[]-_ é\0👍%&=") for _ in range(chance.randrange(1, 8)))


class Caller:
    """A connection that is kept, as usual clients keep theirs; of a million requests a client library takes hours."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection: socket.socket | None = None

    def ask(self, whole: bytes) -> int:
        """Send a request as it goes over the wire; return the status. Raises OSError."""
        is_fresh = self._connection is None
        try:
            return self._ask(whole)
        except OSError:
            self.close()
            if is_fresh:
                raise
        return self._ask(whole)  # it had closed meanwhile

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, whole: bytes) -> int:
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection, answer = self._connection, b""
        with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has all
            connection.sendall(whole)
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _, body = answer.lower().partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        left = (int(length[1]) if length else 0) - len(body)
        while left > 0:
            left -= len(self._more())
        if b"connection: close" in head:
            self.close()
        return int(head[9:12])

    def _more(self) -> bytes:
        assert self._connection is not None
        more = self._connection.recv(65536)
        if not more:
            raise ConnectionResetError("closed without an answer")
        return more


def send(caller: Caller, request: Request) -> int:
    """Send a request with the right secret; return the status of its answer. Raises OSError."""
    query = b"token=" + TOKEN.encode() + (b"&" + request.query if request.query else b"")
    named = (("content-type", request.content_type), ("content-encoding", request.content_encoding))
    headers = [(name.encode(), value.encode("latin-1")) for name, value in named if value]
    target = httpx.URL(f"/webhooks/{request.path}", query=query).raw_path
    if request.delivery:
        return by_hand(caller.port, target, headers, request)
    headers += [(b"host", b"x"), (b"content-length", b"%d" % len(request.body))]
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), target), *(name + b": " + value for name, value in headers)]
    return caller.ask(b"\r\n".join((*lines, b"", b"")) + request.body)


def by_hand(port: int, target: bytes, headers: list[tuple[bytes, bytes]], request: Request) -> int:
    """Send a request in a way that no usual client does, over a connection of its own; return the status."""
    how = request.delivery
    headers = [(b"Host", b"x"), *headers]
    body = request.body
    if "upgrade" in how:
        headers += [(b"Connection", b"Upgrade, HTTP2-Settings"), (b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"AAMAAA")]
    if "chunked" in how:
        headers.append((b"Transfer-Encoding", b"chunked"))
        body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    else:
        headers.append((b"Content-Length", b"%d" % len(body)))
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), target), *(name + b": " + value for name, value in headers)]
    whole = b"\r\n".join((*lines, b"", b"")) + body
    before = b"HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n" if "behind" in how else b""
    pieces = [whole[at : at + 97] for at in range(0, 970, 97)] + [whole[970:]] if "pieces" in how else [before + whole]
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with suppress(OSError):  # it may answer, and close, before it has all
            for piece in pieces:
                connection.sendall(piece)
            if "half-closed" in how:
                connection.shutdown(socket.SHUT_WR)
        answer = b""
        while answer.count(b"\r\n\r\n") < 1 + len(before[:1]) and (more := connection.recv(65536)):
            answer += more
    codes = re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)
    if len(codes) < 1 + len(before[:1]):
        raise ConnectionResetError("closed without an answer")
    return int(codes[-1])


def has_its_mandatory_fields(event: Event) -> bool:
    """Tell whether an event has what its callback cannot do without (contract, section 1)."""
    data: Any = event.data
    match event.type.value:
        case "message.status":
            return bool(data.message_id) and bool(data.status)
        case "message.received" if data.channel == "whatsapp":
            return bool(data.message_id) and bool(data.content.type)
        case "message.received":
            has_text = data.text is not None or "body:undecodable" in data.flags
            return data.sender is not None and data.recipient is not None and has_text
        case "lookup.completed":
            return bool(data.status) and bool(data.lookup_id or data.number)
    return bool(data.call_id)


def main(total: int, threads: int = 8) -> int:
    """Send so many requests; give the number of things that went wrong."""
    seed = secrets.randbits(32)
    wrong: list[str] = []
    codes: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as folder, valkey(Path(folder), free_port()) as (url, _):
        service = Service(url, "hostile", free_port())
        # Calls wait for a worker until their deadline, and there is none.
        chosen = {**service.settings, "RINGBACK_VOICE_DEADLINE": "5ms", "RINGBACK_LOG_FORMAT": "json"}
        with process([*RINGBACK, "serve"], **chosen) as receiver:
            await_ready(service, 0)
            sent = told = 0

            def batch(number: int, count: int) -> None:
                chance = random.Random(seed + number)  # noqa: S311
                streams = [requests_to(callback, chance) for callback in CALLBACKS]
                with closing(Caller(service.port)) as caller:
                    for at in range(count):
                        request = next(streams[at % len(streams)])
                        try:
                            code = send(caller, request)
                        except OSError as error:
                            wrong.append(f"{error!r}: {request}")
                            continue
                        codes[code] += 1
                        if code >= 500:
                            wrong.append(f"{code}: {request}")

            started = time.monotonic()
            over = threading.Event()
            livez: list[float] = []
            beside = [
                threading.Thread(target=flood, args=(service.port, over)),
                threading.Thread(target=ask, args=(service.port, over, livez)),
            ]
            for thread in beside:
                thread.start()
            while sent < total:
                share = min(20_000, total - sent) // threads + 1
                running = [threading.Thread(target=batch, args=(sent + each, share)) for each in range(threads)]
                for thread in running:
                    thread.start()
                for thread in running:
                    thread.join()
                sent += share * threads
                events = unwhole(service, wrong)
                sys.stdout.write(
                    f"{sent:>8} requests, {time.monotonic() - started:5.0f} s, {resident_kib(receiver.pid):>8} KiB, "
                    f"livez p99 {statistics.quantiles(livez, n=100)[98] * 1000:.0f} ms, "
                    f"{events} events of this round whole, {len(wrong)} wrong, answers {dict(sorted(codes.items()))}\n"
                )
                sys.stdout.writelines(f"{each[:500]}\n" for each in wrong[told:])
                told = len(wrong)
                sys.stdout.flush()
                livez.clear()
            over.set()
            for thread in beside:
                thread.join()
        service.close()
    return len(wrong)


def flood(port: int, over: threading.Event) -> None:
    """Open many connections that want nothing good, one kind after another, until it is over."""
    while not over.is_set():
        for kind in ("unread", "trickle", "head", "idle"):
            words = [sys.executable, "-m", "tests.support.flood", kind, str(port), "300", "10"]
            subprocess.run(words, cwd=ROOT, env=clean_environment(), stdout=subprocess.DEVNULL, check=False)
            if over.is_set():
                return


def ask(port: int, over: threading.Event, seconds: list[float]) -> None:
    """Ask for `/livez` again and again, and note how long each answer takes, until it is over."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        while not over.wait(0.1):
            began = time.monotonic()
            client.get("/livez").raise_for_status()
            seconds.append(time.monotonic() - began)


def unwhole(service: Service, wrong: list[str]) -> int:
    """Read the events, note those that lack something, and clear the stream; give how many there were."""
    count, start = 0, "-"
    while page := cast(
        "list[tuple[bytes, dict[bytes, bytes]]]", service.redis.xrange(service.keys.events, start, count=500)
    ):
        for _, fields in page:
            count += 1
            if not has_its_mandatory_fields(read_event(fields[b"event"])):
                wrong.append(f"lacks something: {fields[b'event'].decode()}")
        start = f"({page[-1][0].decode()}"
    service.redis.delete(service.keys.events)
    return count


if __name__ == "__main__":
    sys.exit(min(1, main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)))
