"""Codings: a row is a Content-Encoding and a body, and what becomes of it."""

import gzip
import zlib

import pytest

from ringback.receiver.parsing.codings import CodingError, TooLargeError, UnreadCodingError, undone

LIMIT = 1000
BODY = b'{"smsid": "1", "status": "SMS_STATUS_DELIVERED"}'
RAW = zlib.compress(BODY)[2:-4]
LARGEST = b"x" * LIMIT


@pytest.mark.parametrize(
    ("content_encoding", "body", "whole", "flags"),
    [
        pytest.param("gzip", gzip.compress(BODY), BODY, [], id="gzip"),
        pytest.param("X-GZip", gzip.compress(BODY), BODY, [], id="its old name, in any case"),
        pytest.param("deflate", zlib.compress(BODY), BODY, [], id="deflate"),
        pytest.param("deflate", zlib.compress(BODY, 1), BODY, [], id="deflate, fast"),
        pytest.param("deflate", RAW, BODY, [], id="deflate without zlib's header"),
        pytest.param("deflate,gzip", gzip.compress(zlib.compress(BODY)), BODY, [], id="the last is undone first"),
        pytest.param(", gzip , identity,gzip", gzip.compress(gzip.compress(BODY)), BODY, [], id="twice"),
        pytest.param("gzip", gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), BODY, [], id="two members"),
        pytest.param("identity", BODY, BODY, [], id="none"),
        pytest.param("", BODY, BODY, [], id="empty"),
        pytest.param("UTF-8", BODY, BODY, [], id="a charset in the wrong header"),
        pytest.param("gzip", BODY, BODY, ["coding:absent"], id="undone on the way"),
        pytest.param("gzip, gzip", BODY, BODY, ["coding:absent"], id="undone on the way, said once"),
        pytest.param("gzip", b"", b"", [], id="no body"),
        pytest.param("br", b"", b"", [], id="no body, in an unknown coding"),
        pytest.param("gzip", gzip.compress(LARGEST), LARGEST, [], id="as large as may be"),
        pytest.param("gzip", gzip.compress(LARGEST) + gzip.compress(b""), LARGEST, [], id="as large in two"),
    ],
)  # fmt: skip
def test_undone(content_encoding: str, body: bytes, whole: bytes, flags: list[str]) -> None:
    found: list[str] = []
    assert (undone(content_encoding, body, LIMIT, found), found) == (whole, flags)


@pytest.mark.parametrize(
    ("content_encoding", "body", "reason"),
    [
        pytest.param("gzip", gzip.compress(BODY)[:-1], "the body's gzip is cut short", id="cut"),
        pytest.param("gzip", gzip.compress(BODY)[:3], "the body's gzip is cut short", id="cut in its header"),
        pytest.param("deflate", zlib.compress(BODY)[:-1], "the body's deflate is cut short", id="deflate, cut"),
        pytest.param(
            "gzip", gzip.compress(BODY)[:-8] + b"\0" * 8, "the body is not valid gzip, as its Content-Encoding says",
            id="a wrong checksum",
        ),
        pytest.param(
            "deflate", b"\xff" * 20, "the body is not valid deflate, as its Content-Encoding says", id="no deflate"
        ),
        pytest.param("deflate", RAW + b"x", "the body goes on after the end of its deflate", id="more than deflate"),
        pytest.param(
            "gzip", gzip.compress(BODY) + b"x" * 20, "the body is not valid gzip, as its Content-Encoding says",
            id="more than gzip",
        ),
        pytest.param("gzip", gzip.compress(b"") * 17, "the body's gzip is of more than 16 members", id="many members"),
    ],
)  # fmt: skip
def test_broken(content_encoding: str, body: bytes, reason: str) -> None:
    with pytest.raises(CodingError) as raised:
        undone(content_encoding, body, LIMIT, [])
    assert str(raised.value) == reason


@pytest.mark.parametrize(
    ("content_encoding", "reason"),
    [
        ("br", 'a Content-Encoding "br" is not read; send gzip, deflate or none'),
        ("gzip, ZSTD", 'a Content-Encoding "zstd" is not read; send gzip, deflate or none'),
        ("pack200-gzip", 'a Content-Encoding "pack200-gzip" is not read; send gzip, deflate or none'),
        # Of a name that could be anything, none is put into the answer and the log.
        ("the-secret-of-acme", "a Content-Encoding of this name is not read; send gzip, deflate or none"),
        ("60123456789", "a Content-Encoding of this name is not read; send gzip, deflate or none"),
        ("gzip, gzip, gzip", "more than 2 Content-Encodings are not read; send gzip, deflate or none"),
    ],
)
def test_not_read(content_encoding: str, reason: str) -> None:
    with pytest.raises(UnreadCodingError) as raised:
        undone(content_encoding, BODY, LIMIT, [])
    assert str(raised.value) == reason


@pytest.mark.parametrize(
    ("content_encoding", "body"),
    [
        pytest.param("gzip", gzip.compress(LARGEST + b"x"), id="a byte too many"),
        pytest.param("deflate", zlib.compress(LARGEST + b"x"), id="deflate"),
        pytest.param("gzip", gzip.compress(LARGEST) + gzip.compress(b"x"), id="in its second member"),
        pytest.param("gzip", gzip.compress(b"\0" * 10**8), id="a bomb"),
        pytest.param("gzip, gzip", gzip.compress(gzip.compress(b"\0" * 10**8)), id="a bomb in a bomb"),
    ],
)
def test_too_large(content_encoding: str, body: bytes) -> None:
    with pytest.raises(TooLargeError):
        undone(content_encoding, body, LIMIT, [])


def test_much_for_little() -> None:
    with pytest.raises(CodingError, match=r"^the body grows more than 100-fold as its gzip is undone$"):
        undone("gzip", gzip.compress(b"0" * 60_000), 256 * 1024, [])
    assert len(undone("gzip", gzip.compress(b"0" * 16_000), 256 * 1024, [])) == 16_000
