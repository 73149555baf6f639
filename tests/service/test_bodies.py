"""Bodies: however a callback is written (multipart, compressed, in another charset), the same event comes of it."""

import gzip
import json
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest

from tests.support.service import TOKEN, Service, running

MO = {
    "mocean-from": "60123456789",
    "mocean-to": "63001",
    "mocean-text": "Grüße 👍",
    "mocean-coding": "3",
    "mocean-time": "2018-12-30 23:59:59",
}
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=----WebKitFormBoundaryAbC"
MAX_BODY = 20_000


@dataclass
class Sent:
    """A body as it is sent, what is flagged about it, and the text that comes of it."""

    content_type: str
    body: bytes
    flags: list[str] = field(default_factory=list)
    content_encoding: str | None = None
    text: str = MO["mocean-text"]

    @property
    def headers(self) -> dict[str, str]:
        coding = {"Content-Encoding": self.content_encoding} if self.content_encoding else {}
        return {"Content-Type": self.content_type, **coding}


def multipart(fields: dict[str, str], *, headers: str = "", charset: str = "utf-8") -> bytes:
    """Write a multipart form as curl and browsers do."""
    start = "------WebKitFormBoundaryAbC"
    parts = [
        f'{start}\r\nContent-Disposition: form-data; name="{name}"{headers}\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"{start}--\r\n"]).encode(charset)


def form_in(charset: str) -> bytes:
    """Write a form whose text alone is in another charset, as SMS gateways do."""
    others = urlencode({name: value for name, value in MO.items() if name != "mocean-text"})
    return f"{others}&mocean-text={quote_from_bytes(MO['mocean-text'].encode(charset))}".encode()


def as_json(fields: dict[str, str]) -> str:
    return json.dumps(fields, ensure_ascii=False)


PLAIN = urlencode(MO).encode()
WITHOUT_EMOJI = {**MO, "mocean-text": "Grüße"}


@pytest.fixture(scope="module")
def receiver(redis_url: str) -> Iterator[Service]:
    """Return a receiver without workers, so that what is stored stays where it is."""
    with running(
        redis_url, queues="", RINGBACK_MAX_BODY=str(MAX_BODY), RINGBACK_VOICE_FALLBACK="Sorry", RINGBACK_ADMIN_PORT="0"
    ) as started:
        yield started


@pytest.fixture(autouse=True)
def empty(receiver: Service) -> Iterator[None]:
    """Let each test begin with nothing stored and nothing known."""
    yield
    receiver.redis.delete(receiver.keys.events, receiver.keys.quarantine)
    for key in receiver.redis.scan_iter(receiver.keys.seen("*")):
        receiver.redis.delete(key)


def events(receiver: Service) -> list[dict[str, Any]]:
    """Return the stored events, less the times at which they were received."""
    return [{**event, "receivedat": ""} for event in receiver.events()]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(Sent(MULTIPART, multipart(MO)), id="multipart"),
        pytest.param(
            Sent(MULTIPART, multipart(MO, headers='; filename="a.txt"\r\nContent-Type: text/plain; charset=utf-8')),
            id="multipart, of files",
        ),
        pytest.param(
            Sent(
                MULTIPART, multipart(WITHOUT_EMOJI, headers="\r\nContent-Type: text/plain; charset=x-mac-roman",
                                     charset="latin-1"),
                ["encoding:unknown-charset", "encoding:latin-1"], text="Grüße",
            ),
            id="multipart, in a charset that nobody knows",
        ),
        pytest.param(Sent(FORM, gzip.compress(PLAIN), content_encoding="gzip"), id="gzip"),
        pytest.param(Sent(FORM, zlib.compress(PLAIN), content_encoding="deflate"), id="deflate"),
        pytest.param(
            Sent(MULTIPART, gzip.compress(zlib.compress(multipart(MO))), content_encoding="deflate, gzip"),
            id="multipart, encoded twice",
        ),
        pytest.param(Sent(FORM, PLAIN, ["coding:absent"], content_encoding="gzip"), id="said to be gzip"),
        pytest.param(
            Sent(f"{FORM}; charset=UTF-16BE", form_in("utf-16-be"), ["encoding:utf-16-be"]), id="a text in UTF-16BE"
        ),
        pytest.param(Sent(FORM, PLAIN.decode().encode("utf-16"), ["encoding:utf-16-le"]), id="a form in UTF-16"),
        pytest.param(
            Sent(f"{FORM}; charset=windows-1252", urlencode(WITHOUT_EMOJI, encoding="cp1252").encode(),
                 ["encoding:cp1252"], text="Grüße"),
            id="windows-1252",
        ),
        pytest.param(
            Sent(FORM, form_in("utf-8").removesuffix(b"%8D"), ["encoding:broken"], text="Grüße �"), id="a cut character"
        ),
        pytest.param(Sent(JSON, as_json(MO).encode("utf-16"), ["encoding:utf-16-le"]), id="JSON in UTF-16"),
        pytest.param(
            Sent(f"{JSON}; charset=iso-8859-1", as_json(WITHOUT_EMOJI).encode("latin-1"), ["encoding:latin-1"],
                 text="Grüße"),
            id="JSON in latin-1",
        ),
    ],
)  # fmt: skip
def test_the_same_event(receiver: Service, sent: Sent) -> None:
    plain = {**MO, "mocean-text": sent.text}
    assert receiver.request("POST", "mocean/inbound-sms", data=plain).status_code == 200
    (event,) = events(receiver)
    assert receiver.request("POST", "mocean/inbound-sms", data=plain).status_code == 200
    receiver.redis.delete(receiver.keys.events, receiver.keys.seen(event["id"]))
    response = receiver.request("POST", "mocean/inbound-sms", content=sent.body, headers=sent.headers)
    assert (response.status_code, response.content, receiver.quarantined()) == (200, b"", [])
    event["data"]["flags"] = sent.flags
    assert events(receiver) == [event]


@dataclass
class Refused:
    """What a refused request is answered, and why it is kept."""

    status: int
    title: str
    reason: str
    headers: dict[str, str] = field(default_factory=dict)


UNREAD = Refused(
    415, "Content-Encoding not read", 'a Content-Encoding "br" is not read; send gzip, deflate or none',
    {"accept-encoding": "gzip, deflate"},
)  # fmt: skip
CUT = Refused(422, "Unusable callback", "the body's gzip is cut short")
NO_MULTIPART = Refused(422, "Unusable callback", "the body is not valid multipart/form-data")

UNUSABLE = [
    pytest.param(Sent(FORM, b"\x0b\x02\x80mocean\x03", content_encoding="br"), UNREAD, id="an unknown coding"),
    pytest.param(Sent(FORM, gzip.compress(PLAIN)[:-9], content_encoding="gzip"), CUT, id="cut gzip"),
    pytest.param(Sent(MULTIPART.lower(), multipart(MO)), NO_MULTIPART, id="another boundary"),
]


@pytest.mark.parametrize(("sent", "refused"), UNUSABLE)
def test_what_cannot_be_read_is_kept_as_it_was_sent(receiver: Service, sent: Sent, refused: Refused) -> None:
    for _ in range(2):
        response = receiver.request("POST", "mocean/inbound-sms", content=sent.body, headers=sent.headers)
        assert response.status_code == refused.status
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json() == {"title": refused.title, "status": refused.status, "detail": refused.reason}
        assert {name: response.headers[name] for name in refused.headers} == refused.headers
    assert kept(receiver) == [(refused.reason, sent.body, sent.headers)]
    assert receiver.stored() == []


@pytest.mark.parametrize(("sent", "refused"), UNUSABLE)
def test_a_call_still_gets_its_fallback(receiver: Service, sent: Sent, refused: Refused) -> None:
    response = receiver.request("POST", "mocean/voice/answer", content=sent.body, headers=sent.headers)
    assert (response.status_code, response.json()) == (200, FALLBACK)
    assert kept(receiver) == [(refused.reason, sent.body, sent.headers)]


FALLBACK = [{"action": "say", "text": "Sorry", "language": "en-GB"}]


@pytest.mark.parametrize("content_encoding", ["gzip", "deflate", "gzip, gzip"])
@pytest.mark.parametrize("size", [MAX_BODY + 1, 10**7], ids=["a byte too many", "a bomb"])
def test_the_limit_is_of_the_decoded_body(receiver: Service, content_encoding: str, size: int) -> None:
    filling = secrets.token_hex(size).encode() if size < 10**6 else b"0" * size
    body = b"mocean-call-uuid=" + filling[: size - 17]
    for name in content_encoding.split(", "):
        body = gzip.compress(body) if name == "gzip" else zlib.compress(body)
    headers = {"Content-Type": FORM, "Content-Encoding": content_encoding}
    assert len(body) < MAX_BODY
    response = receiver.request("POST", "mocean/inbound-sms", content=body, headers=headers)
    assert response.status_code == 413
    assert response.json() == {"title": "Body too large", "status": 413, "detail": f"the limit is {MAX_BODY} bytes"}
    response = receiver.request("POST", "mocean/voice/answer", content=body, headers=headers)
    assert (response.status_code, response.json(), receiver.quarantined()) == (200, FALLBACK, [])


def test_a_retry_undoes_what_the_receiver_would(receiver: Service) -> None:
    """Kept by a version that could read none of them; and an array's element that was bad when it came."""
    sms = {"from": "1", "to": "2", "body": "ünï"}
    bodies = [
        (FORM, "gzip", "mocean/inbound-sms", gzip.compress(PLAIN)),
        (MULTIPART, "", "mocean/inbound-sms", multipart({**MO, "mocean-to": "63002"})),
        (f"{JSON}; charset=utf-16", "deflate", "mycoolsms/inbound-sms", zlib.compress(as_json(sms).encode("utf-16"))),
    ]
    for content_type, content_encoding, name, body in bodies:
        headers = f"content-type: {content_type}\ncontent-encoding: {content_encoding}"
        entry: dict[Any, Any] = {
            "path": f"/webhooks/{name}", "reason": "old", "method": "POST", "headers": headers, "body": body,
            "account": "acme",
        }  # fmt: skip
        receiver.redis.xadd(receiver.keys.quarantine, entry)
    retried = receiver.ringback("quarantine", "retry", "--all")
    assert (retried.returncode, retried.stderr) == (0, "3 to retry\n")
    assert [event["data"]["text"] for event in events(receiver)] == [MO["mocean-text"]] * 2 + ["ünï"]


def test_a_retry_of_a_bomb(receiver: Service) -> None:
    entry: dict[Any, Any] = {
        "path": "/webhooks/mocean/inbound-sms", "reason": "old", "method": "POST", "account": "acme",
        "headers": "content-encoding: gzip", "body": gzip.compress(b"0" * 10**7),
    }  # fmt: skip
    entry_id = receiver.redis.xadd(receiver.keys.quarantine, entry)
    retried = receiver.ringback("quarantine", "retry", "--all")
    why = "decoded, the body is over the limit of 262144 bytes (RINGBACK_MAX_BODY)"
    assert isinstance(entry_id, bytes)
    assert (retried.returncode, retried.stdout) == (1, f"{entry_id.decode()}: remains, {why}\n")


@pytest.mark.parametrize("encoding", ["utf-16", "cp1251"])
def test_an_element_of_an_array_is_kept_so_that_it_can_be_read_alone(receiver: Service, encoding: str) -> None:
    array = '[{"smsid": "1", "status": "SMS_STATUS_SENT"}, {"smsid": "Привет"}]'
    headers = {"Content-Type": f"{JSON}; charset={encoding}", "Content-Encoding": "gzip"}
    body = gzip.compress(array.encode(encoding))
    assert receiver.request("POST", "mycoolsms/delivery-report", content=body, headers=headers).status_code == 200
    ((reason, kept_body, kept_headers),) = kept(receiver)
    assert (reason, kept_body.decode()) == ("status is missing", '{"smsid": "Привет"}')
    assert kept_headers == {"Content-Type": "application/json"}
    retried = receiver.ringback("quarantine", "retry", "--all")
    assert retried.stdout.endswith(": remains, status is missing\n")


def kept(receiver: Service) -> list[tuple[str, bytes, dict[str, str]]]:
    """Return the quarantine: why, which body, and the two headers that say how it is written."""
    found: Any = receiver.redis.xrange(receiver.keys.quarantine)
    wanted = ("Content-Type", "Content-Encoding")
    entries = []
    for _, fields in found:
        assert TOKEN.encode() not in b"".join(fields.values())
        headers = dict(line.split(": ", 1) for line in fields[b"headers"].decode().splitlines())
        named = {name: headers[name.lower()] for name in wanted if name.lower() in headers}
        entries.append((fields[b"reason"].decode(), fields[b"body"], named))
    return entries
