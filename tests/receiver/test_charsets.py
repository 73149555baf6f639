"""Charsets: which may be declared, by which names, and that whatever octets come make a text that can be stored."""

import codecs
import encodings
from encodings.aliases import aliases

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringback.receiver.parsing.charsets import charset_of, in_utf_8, read, reread, unmarked

ASCII = bytes(range(128))
READ = sorted({codec for name in aliases if (codec := charset_of(name))} | {"cp874", "koi8_u"})
NARROW = [codec for codec in READ if not codec.startswith(("utf_16", "utf_32"))]


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UTF-8", "utf_8"), ("utf8", "utf_8"), ("utf-8-sig", "utf_8"), ("utf8mb4", "utf_8"), ("US-ASCII", "ascii"),
        ("ISO-8859-1", "latin_1"), ("iso8859_1", "latin_1"), ("latin1", "latin_1"), ("ISO-8859-15", "iso8859_15"),
        ("ISO-8859-11", "iso8859_11"), ("windows-1251", "cp1251"), ("cp1251", "cp1251"), ("win-1251", "cp1251"),
        ("windows-874", "cp874"), ("KOI8-R", "koi8_r"), ("koi8-u", "koi8_u"), ("Shift_JIS", "cp932"),
        ("windows-31j", "cp932"), ("EUC-KR", "cp949"), ("ks_c_5601-1987", "cp949"), ("GB2312", "gbk"), ("gbk", "gbk"),
        ("GB18030", "gb18030"), ("Big5", "big5"), ("macintosh", "mac_roman"), ("UTF-16", "utf_16"),
        ("UTF-16BE", "utf_16_be"), ("utf16le", "utf_16_le"), ("UCS-2", "utf_16_be"), ("ISO-10646-UCS-2", "utf_16_be"),
        ("UTF-32", "utf_32"), ("utf-32le", "utf_32_le"),
        *((name, None) for name in ("", "-", "x", "utf-7", "hex", "rot13", "base64", "zlib", "bz2", "uu", "quopri")),
        *((name, None) for name in ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs")),
        *((name, None) for name in ("cp037", "cp500", "cp864", "iso2022_jp", "hz", "utf-8" + "-" * 40, "\xff", "\0")),
    ],
)  # fmt: skip
def test_what_may_be_declared(declared: str, codec: str | None) -> None:
    assert charset_of(declared) == codec


def test_no_declared_name_is_remembered() -> None:
    known = getattr(encodings, "_cache")  # noqa: B009 - where Python keeps the names that it was asked for
    before = set(known)
    for number in range(100):
        charset_of(f"x-unknown-{number}")
    assert set(known) == before


def test_no_two_charsets_share_a_name() -> None:
    found: dict[str, set[str]] = {}
    for name, codec in aliases.items():
        if charset_of(name):
            found.setdefault(name.replace("_", ""), set()).add(codec)
    assert {name: codecs_ for name, codecs_ in found.items() if len(codecs_) > 1} == {}


@pytest.mark.parametrize("codec", NARROW)
def test_ascii_is_ascii_in_each_but_the_wide_ones(codec: str) -> None:
    assert ASCII.decode(codec) == ASCII.decode("ascii")
    assert codecs.lookup(codec)._is_text_encoding


@given(octets=st.binary(max_size=60), charset=st.sampled_from([None, *READ]))
@example(octets=b"\xd8\x00", charset="utf_16_be")
@example(octets=b"\xff\xfe\x00", charset="utf_16")
@example(octets=b"\xed\xa0\x80", charset=None)
def test_any_octets_make_a_text(octets: bytes, charset: str | None) -> None:
    flags: list[str] = []
    read(octets, None if charset == "utf_8" else charset, flags).encode()
    in_utf_8(octets, charset, flags)
    unmarked(octets, flags)
    reread(octets.decode("utf-8", "surrogateescape"), flags).encode()
    assert len(flags) == len(set(flags))


@given(text=st.text(max_size=40), charset=st.sampled_from(["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be"]))
def test_json_in_utf_16_and_32_is_known_by_its_first_octets(text: str, charset: str) -> None:
    document = f'["{text}"]'
    assert unmarked(document.encode(charset), []).decode() == document


@given(text=st.text(max_size=40))
def test_utf_8_has_no_flag(text: str) -> None:
    flags: list[str] = []
    assert (read(text.encode(), None, flags), flags) == (text, [])
