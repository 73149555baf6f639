"""Downloads from a real server: files whole or not at all, redirects without credentials, little memory."""

import asyncio
import gzip
import logging
import os
import resource
import threading
import time
import traceback
import tracemalloc
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.clients.download import Download, FileContent, SavedFile, safe_name
from ringback.clients.errors import InvalidRequestError, RefusedError, SendError, UnavailableError
from ringback.clients.mocean.client import AsyncMocean, Mocean
from ringback.clients.mocean.codes import MEDIA
from tests.support.file_server import FileServer, Page, cut_off, file_server, page, redirect
from tests.support.misbehaving import Manner, drips, hangs, misbehaving, resets, says

KEY, SECRET, TOKEN = "the-api-key-0001", "the-api-secret-0002", "the-api-token-0003"
PRIVATE = (KEY, SECRET, TOKEN, "60123456789", "private.pdf", "signature")
FROM = "+60 12-345 6789"
REC, MEDIA_PATH = "/rest/2/voice/rec", "/rest/2/media/whatsapp"
SONG = b"ID3" + bytes(range(256)) * 1000

Ask = Callable[..., Any]
"""Asks a client of either kind for a recording or a file: `ask(url, "recording", "save", path, token=…, limit=…)`."""


def _credentials(token: bool) -> dict[str, str]:
    return {"api_token": TOKEN} if token else {"api_key": KEY, "api_secret": SECRET}


def blocking(url: str, what: str, how: str, *arguments: object, token: bool = False, **options: object) -> Any:
    with Mocean(url=url, timeout=2, **_credentials(token)) as mocean:  # type: ignore[arg-type]
        download = mocean.recording("c1") if what == "recording" else mocean.media("m1", from_=FROM)
        return getattr(download, how)(*arguments, **options)


def from_a_coroutine(url: str, what: str, how: str, *arguments: object, token: bool = False, **options: object) -> Any:
    async def ask() -> Any:
        async with AsyncMocean(url=url, timeout=2, **_credentials(token)) as mocean:  # type: ignore[arg-type]
            download = mocean.recording("c1") if what == "recording" else mocean.media("m1", from_=FROM)
            return await getattr(download, how)(*arguments, **options)

    return asyncio.run(ask())


def files(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


both = pytest.mark.parametrize("ask", [blocking, from_a_coroutine])


def failed(ask: Ask, *arguments: object, **options: object) -> SendError:
    with pytest.raises(SendError) as caught:
        ask(*arguments, **options)
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    assert error.sent == "no"
    told = "".join(traceback.format_exception(error)) + repr(error)
    assert not [one for one in PRIVATE if one in told]
    return error


@both
@pytest.mark.parametrize(
    ("what", "path", "query"),
    [
        ("recording", REC, f"mocean-api-key={KEY}&mocean-api-secret={SECRET}&mocean-call-uuid=c1"),
        (
            "media",
            MEDIA_PATH,
            f"mocean-api-key={KEY}&mocean-api-secret={SECRET}&mocean-from=60123456789&mocean-media-id=m1",
        ),
    ],
)
def test_a_file_is_saved_and_read(what: str, path: str, query: str, ask: Ask, tmp_path: Path) -> None:
    target = tmp_path / "song"
    target.write_bytes(b"an older one")
    pages = {path: page(SONG, content_type="audio/mpeg", content_disposition="inline;filename=Song.mp3")}
    with file_server(pages) as server:
        saved = ask(server.url, what, "save", target)
        content = ask(server.url, what, "read")

    assert saved == SavedFile(target, "audio/mpeg", "Song.mp3", len(SONG))
    assert content == FileContent(SONG, "audio/mpeg", "Song.mp3")
    assert target.read_bytes() == SONG
    assert files(tmp_path) == ["song"]
    assert server.asked == [f"{path}?{query}"] * 2
    assert "Song" not in repr(saved) + repr(content)


def test_nothing_goes_out_before_it_is_read() -> None:
    with file_server({}) as server, Mocean(api_key=KEY, api_secret=SECRET, url=server.url) as mocean:
        mocean.recording("c1")
        mocean.media("m1", from_=FROM)
        for media_id, sender in (("", FROM), ("m1", "ACME")):
            with pytest.raises(InvalidRequestError):
                mocean.media(media_id, from_=sender)

        assert server.asked == []


@both
def test_media_may_be_of_any_type(ask: Ask) -> None:
    body = b'{"status":1,"err_msg":"what an end user sent"}'
    with file_server({MEDIA_PATH: page(body, content_type="application/json")}) as server:
        assert ask(server.url, "media", "read").data == body


@both
def test_a_compressed_file_is_unpacked(ask: Ask) -> None:
    packed = page(gzip.compress(SONG), content_type="audio/mpeg", content_encoding="gzip")
    with file_server({REC: packed}) as server:
        assert ask(server.url, "recording", "read").data == SONG


@both
@pytest.mark.parametrize("status", MEDIA)
def test_media_have_errors_by_http_status(status: int, ask: Ask, tmp_path: Path) -> None:
    with file_server({MEDIA_PATH: page(status=status, retry_after="7")}) as server:
        error = failed(ask, server.url, "media", "save", tmp_path / "file")

    reading = MEDIA[status].reading
    assert (type(error), error.permanent, error.http_status, error.code) == (
        reading.error,
        reading.permanent,
        status,
        None,
    )
    assert error.retry_after == 7
    assert MEDIA[status].text in str(error)
    assert files(tmp_path) == []


@both
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(page(status=503), "UnavailableError", id="503"),
        pytest.param(page(b"x", status=206), "UnavailableError", id="a part of it"),
        pytest.param(page(status=204), "UnavailableError", id="nothing"),
        pytest.param(redirect("/rest/2/elsewhere"), "RefusedError", id="a redirect, which media have not"),
    ],
)
def test_media_without_a_documented_status(answer: Page, kind: str, ask: Ask) -> None:
    with file_server({MEDIA_PATH: answer, "/rest/2/elsewhere": page(SONG)}) as server:
        assert type(failed(ask, server.url, "media", "read")).__name__ == kind
        assert len(server.asked) == 1


@both
@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        pytest.param(page(b'{"status":1,"err_msg":"Authorization failed"}'), "UnauthorizedError", 1, id="refused"),
        pytest.param(
            page(b"<result><status>7</status></result>", content_type="text/xml"),
            "RefusedError",
            7,
            id="refused in XML",
        ),
        pytest.param(page(b'{"status":0,"calluuid":"c1"}'), "UnavailableError", 0, id="not yet"),
        pytest.param(page(b"<html>", content_type="text/html"), "UnavailableError", None, id="a page"),
        pytest.param(page(b"{" * 300_000), "UnavailableError", None, id="a long answer that is none"),
        pytest.param(page(status=404), "RefusedError", None, id="404"),
    ],
)
def test_what_is_no_recording_leaves_no_file(
    answer: Page, kind: str, code: int | None, ask: Ask, tmp_path: Path
) -> None:
    with file_server({REC: answer}) as server:
        error = failed(ask, server.url, "recording", "save", tmp_path / "song.mp3")

    assert (type(error).__name__, error.code) == (kind, code)
    assert files(tmp_path) == []


@both
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_a_recording_is_followed(status: int, ask: Ask) -> None:
    song = page(SONG, content_type="audio/mpeg")
    with file_server({REC: redirect("../files/a%2Fb?signature=%2B1&b", status), "/rest/2/files/a%2Fb": song}) as server:
        content = ask(server.url, "recording", "read", token=True)

    assert content.data == SONG
    assert server.asked[1:] == ["/rest/2/files/a%2Fb?signature=%2B1&b"]
    assert server.authorizations == [f"Bearer {TOKEN}"] * 2


@both
@pytest.mark.parametrize("token", [False, True], ids=["key and secret", "token"])
def test_a_redirect_to_another_host_takes_no_credentials_along(token: bool, ask: Ask) -> None:
    song = page(SONG, content_type="audio/mpeg")
    pages: dict[str, Page] = {}
    with file_server({"/song": song}) as other, file_server(pages) as provider:
        pages[REC] = redirect(f"http://127.0.0.1:{other.port}/song?signature=1")
        content = ask(provider.url, "recording", "read", token=token)

    assert content.data == SONG
    assert (other.asked, other.authorizations) == (["/song?signature=1"], [None])


@both
def test_credentials_do_not_come_back_on_the_way_back(ask: Ask) -> None:
    pages: dict[str, Page] = {"/song": page(SONG, content_type="audio/mpeg")}
    others: dict[str, Page] = {}
    with file_server(others) as other, file_server(pages) as provider:
        pages[REC] = redirect(f"http://127.0.0.1:{other.port}/back")
        others["/back"] = redirect(f"http://127.0.0.1:{provider.port}/song")
        ask(provider.url, "recording", "read", token=True)

    assert provider.authorizations == [f"Bearer {TOKEN}", None]
    assert other.authorizations == [None]


@both
@pytest.mark.parametrize(
    "query",
    [
        pytest.param(f"mocean-api-secret={SECRET}", id="as it was"),
        pytest.param("x=" + "".join(f"%{byte:02x}" for byte in SECRET.encode()), id="in another parameter, escaped"),
    ],
)
def test_a_redirect_that_itself_carries_credentials_elsewhere_is_not_followed(query: str, ask: Ask) -> None:
    pages: dict[str, Page] = {}
    with file_server({"/song": page(SONG, content_type="audio/mpeg")}) as other, file_server(pages) as provider:
        pages[REC] = redirect(f"http://127.0.0.1:{other.port}/song?{query}")
        error = failed(ask, provider.url, "recording", "read")

    assert "another host with the credentials" in str(error)
    assert other.asked == []


@both
@pytest.mark.parametrize(
    "location",
    [
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("ftp://127.0.0.1/song", id="ftp"),
        pytest.param("https:///song", id="no host"),
        pytest.param("http://[::1/song", id="half an address"),
        pytest.param("http://127.0.0.1:99999/song", id="no port"),
        pytest.param("http://a..b\x7f/song", id="no name"),
    ],
)
def test_a_redirect_to_nowhere_is_an_error(location: str, ask: Ask) -> None:
    with file_server({REC: redirect(location)}) as server:
        assert type(failed(ask, server.url, "recording", "read")) is UnavailableError
        assert len(server.asked) == 1


@both
def test_five_redirects_are_followed_and_no_more(ask: Ask) -> None:
    pages = {f"/{left}": redirect(f"/{left - 1}") for left in range(1, 6)}
    pages["/0"] = page(SONG, content_type="audio/mpeg")
    with file_server(pages | {REC: redirect("/4")}) as server:
        assert ask(server.url, "recording", "read").data == SONG
        assert len(server.asked) == 6
    with file_server(pages | {REC: redirect("/5")}) as server:
        assert "more than 5 times" in str(failed(ask, server.url, "recording", "read"))
        assert len(server.asked) == 6


@both
@pytest.mark.parametrize("how", ["save", "read"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(cut_off(SONG, len(SONG) * 2), id="half of it"),
        pytest.param(cut_off(b"", 1000), id="its head"),
        pytest.param(page(b"no gzip", content_type="audio/mpeg", content_encoding="gzip"), id="broken gzip"),
    ],
)
def test_what_breaks_off_leaves_no_file(answer: Page, how: str, ask: Ask, tmp_path: Path) -> None:
    target = tmp_path / "song.mp3"
    target.write_bytes(b"an older one")
    with file_server({REC: answer}) as server:
        error = failed(ask, server.url, "recording", how, *([target] if how == "save" else []))

    assert type(error) is UnavailableError
    assert "broke off" in str(error)
    assert files(tmp_path) == ["song.mp3"]
    assert target.read_bytes() == b"an older one"


@both
@pytest.mark.parametrize(
    "manner",
    [
        pytest.param(resets, id="resets"),
        pytest.param(says(b""), id="closes"),
        pytest.param(says(b"what?\r\n\r\n"), id="no HTTP"),
        pytest.param(hangs, id="hangs"),
        pytest.param(drips, id="drips"),
    ],
)
def test_a_provider_that_misbehaves_leaves_no_file(manner: Manner, ask: Ask, tmp_path: Path) -> None:
    started = time.monotonic()
    with misbehaving(manner) as server:
        error = failed(ask, server.url, "recording", "save", tmp_path / "song.mp3", timeout=0.4)

    assert type(error) is UnavailableError
    assert time.monotonic() - started < 5
    assert files(tmp_path) == []


@both
def test_nothing_of_a_download_is_logged_at_any_level(caplog: pytest.LogCaptureFixture, ask: Ask) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "httpcore.connection", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
    with file_server({REC: redirect("/song"), "/song": page(SONG, content_type="audio/mpeg")}) as server:
        ask(server.url, "recording", "read")
        logged = [record.name for record in caplog.records if record.name.startswith(("httpx", "httpcore"))]
        failed(ask, server.url, "recording", "read", limit=1)  # httpcore may note that its iterator was left

    assert logged == []
    assert not [one for one in PRIVATE if one in caplog.text]


def slowly(server: Callable[[], FileServer], pause: float, begun: threading.Event | None = None) -> Page:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "audio/mpeg")
        handler.send_header("Content-Length", "20")
        handler.end_headers()
        for _ in range(20):
            handler.wfile.write(b".")
            if begun is not None:
                begun.set()
            if server().stopped.wait(pause):
                return

    return answer


@both
def test_a_slow_file_has_its_time_and_no_more(ask: Ask, tmp_path: Path) -> None:
    """The client's own timeout of a whole request does not hold for a file."""
    pages: dict[str, Page] = {}
    with file_server(pages) as server:
        pages[REC] = slowly(lambda: server, 0.02)
        assert ask(server.url, "recording", "save", tmp_path / "song.mp3", timeout=30).size == 20
        error = failed(ask, server.url, "recording", "save", tmp_path / "other.mp3", timeout=0.1)

    assert type(error) is UnavailableError
    assert files(tmp_path) == ["song.mp3"]


@both
def test_a_limit_holds_to_the_byte(ask: Ask, tmp_path: Path) -> None:
    with file_server({REC: page(SONG, content_type="audio/mpeg")}) as server:
        for how, target in (("read", []), ("save", [tmp_path / "song.mp3"])):
            ask(server.url, "recording", how, *target, limit=len(SONG))
            error = failed(ask, server.url, "recording", how, *target, limit=len(SONG) - 1)

            assert (type(error), error.permanent) == (RefusedError, True)


@both
def test_a_hundred_megabytes_need_little_memory(ask: Ask, tmp_path: Path) -> None:
    megabyte = os.urandom(1024**2)

    def large(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp4")
        handler.send_header("Content-Length", str(100 * len(megabyte)))
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(megabyte)

    with file_server({MEDIA_PATH: large}) as server:
        tracemalloc.start()
        try:
            saved = ask(server.url, "media", "save", tmp_path / "film.mp4")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert saved.size == (tmp_path / "film.mp4").stat().st_size == 100 * 1024**2
    assert peak < 12 * 1024**2


@both
def test_a_file_that_cannot_be_written_is_an_error_of_the_disk(ask: Ask, tmp_path: Path) -> None:
    with file_server({REC: page(SONG, content_type="audio/mpeg")}) as server:
        with pytest.raises(FileNotFoundError):
            ask(server.url, "recording", "save", tmp_path / "no" / "such" / "folder")
        with pytest.raises(IsADirectoryError):
            ask(server.url, "recording", "save", tmp_path)
        assert server.asked == []
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(SONG) // 2, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                ask(server.url, "recording", "save", tmp_path / "song.mp3")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert files(tmp_path) == []


async def test_a_coroutine_that_is_cancelled_leaves_no_file(tmp_path: Path) -> None:
    begun, pages = threading.Event(), dict[str, Page]()
    with file_server(pages) as server:
        pages[REC] = slowly(lambda: server, 1, begun)
        async with AsyncMocean(api_key=KEY, api_secret=SECRET, url=server.url) as mocean:
            saving = asyncio.create_task(mocean.recording("c1").save(tmp_path / "song.mp3"))
            assert await asyncio.to_thread(begun.wait, 10)
            saving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await saving

    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("inline;filename=File.mp4", "File.mp4"),
        ('attachment; filename="a \\"b\\".txt"', "a _b_.txt"),
        ("attachment; FileName = File.mp4 ; size=1", "File.mp4"),
        ("attachment; filename*=UTF-8''na%C3%AFve%20plan.pdf; filename=plan.pdf", "naïve plan.pdf"),
        ("attachment; filename*=iso-8859-1'en'%A3.txt", "£.txt"),
        ("attachment; filename*=utf-8''%ff.txt", "\ufffd.txt"),
        ('inline; filename="../../etc/passwd"', "passwd"),
        ('inline; filename="C:\\\\Users\\\\me\\\\file.doc"', "file.doc"),
        ("inline; filename=/etc/", None),
        ("inline; filename=..", None),
        ("inline; filename=.bashrc", "bashrc"),
        ('inline; filename="a\x00b\r\nc.txt"', "a_b__c.txt"),
        ('inline; filename="evil\u202etxt.exe"', "evil_txt.exe"),
        ("inline; filename*=utf-8''..%2F..%2Fx.txt", "x.txt"),
        (f"inline; filename={'a' * 300}.pdf", "a" * 116 + ".pdf"),
        ('inline; filename=""', None),
        ("inline", None),
        ("", None),
    ],
)
def test_a_name_is_a_safe_base_name(disposition: str, name: str | None) -> None:
    assert safe_name(disposition) == name


@given(st.text() | st.text(max_size=40).map(lambda text: f'inline; filename="{text}"'))
def test_any_name_stays_in_its_folder(disposition: str) -> None:
    name = safe_name(disposition)

    if name is not None:
        assert Path(name).name == name
        assert name.isprintable() or not name.isascii()
        assert len(name) <= 120
        assert not name.startswith(".")
        name.encode()


_LOCATIONS = st.one_of(
    st.none(),
    st.binary(max_size=30),
    st.sampled_from(
        [b"/rest/2/voice/rec", b"http://other.example/song", b"HTTPS://rest.moceanapi.com:443/x", b"//[::1]/x"]
    ),
    st.binary(max_size=20).map(lambda host: b"http://" + host),
)
_HEADS = st.fixed_dictionaries(
    {
        b"Content-Type": st.sampled_from([b"audio/mpeg", b"text/xml", b"application/json", b"", b"\xff"]),
        b"Content-Disposition": st.binary(max_size=30).map(lambda name: b"inline; filename=" + name),
    }
)


@given(st.integers(200, 599) | st.sampled_from([200, 302]), _HEADS, _LOCATIONS, st.binary(max_size=40), st.booleans())
def test_any_answer_is_a_file_or_an_error(
    status: int, head: dict[bytes, bytes], location: bytes | None, body: bytes, token: bool
) -> None:
    strangers: list[str] = []

    def provider(request: httpx.Request) -> httpx.Response:
        if (request.url.scheme, request.url.host, request.url.port) != ("https", "rest.moceanapi.com", None):
            strangers.append(f"{request.url} {request.headers}")
        headers = [*head.items(), *([(b"Location", location)] if location is not None else [])]
        return httpx.Response(status, headers=headers, content=body)

    credentials: Any = _credentials(token)
    with Mocean(transport=httpx.MockTransport(provider), **credentials) as mocean:
        for download in (mocean.recording("c1"), mocean.media("m1", from_=FROM)):
            outcome = _outcome(download)
            if isinstance(outcome, SendError):
                assert (outcome.sent, outcome.__context__) == ("no", None)
            else:
                assert outcome.data == body

    assert not [secret for secret in (KEY, SECRET, TOKEN) if secret in "".join(strangers)]


def _outcome(download: Download) -> FileContent | SendError:
    try:
        return download.read()
    except SendError as error:
        return error
