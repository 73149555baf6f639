"""The censor: a token is found however it is spelled, nothing else is touched, and no spelling makes it slow."""

import json
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from ringback.schemas.censor import Censor
from ringback.schemas.tokens import Token

MADE = "Vd3_kq-1Xw9ZbT0aLrYp5sGhNmCfEuJo"  # as `token new` makes them
WORDS = "the-secret-of-acme"
SIGNS = "p+q/r=s%t\\u\"v'w&x~y?"
WORD = "tiger"


def censor(*tokens: str) -> Censor:
    return Censor([Token(account="acme", secret=SecretStr(token)) for token in tokens])


def every_percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


SPELLINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "plain": lambda token: token,
    "encoded as a form": lambda token: quote(token, safe=""),
    "encoded in lower case": lambda token: "".join(
        one.lower() if one.startswith("%") else one for one in _steps(quote(token, safe=""))
    ),
    "encoded twice": lambda token: quote(quote(token, safe=""), safe=""),
    "every character encoded": every_percent,
    "every character encoded, thrice": lambda token: quote(quote(every_percent(token))),
    "one character encoded": lambda token: f"{every_percent(token[0])}{quote(token[1:], safe='')}",
    "in JSON": lambda token: json.dumps(token)[1:-1],
    "in JSON in JSON": lambda token: json.dumps(json.dumps(token))[3:-3],
    "in JSON as PHP writes it": lambda token: json.dumps(token)[1:-1].replace("/", "\\/"),
    "in JSON's escapes": lambda token: "".join(f"\\u{ord(one):04x}" for one in token),
    "in UTF-16 and back": lambda token: token.encode("utf-16-le").decode("latin-1"),
}  # fmt: skip


def _steps(text: str) -> list[str]:
    """Cut a text into percent escapes and what is between them."""
    first, *others = text.split("%")
    return [first, *(part for other in others for part in (f"%{other[:2]}", other[2:]))]


@pytest.mark.parametrize("token", [MADE, WORDS, SIGNS], ids=["made", "words", "signs"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(token: str, spelling: str) -> None:
    spelled = SPELLINGS[spelling](token)
    blot = "*\0" * len(token) if "UTF-16" in spelling else "***"
    for text in ("{}", "{}&ctx.order=42", "https://a.example/x?token={}#end", '{{"token": "{}"}}'):
        assert censor(token).text(text.format(spelled)) == text.format(blot)


@pytest.mark.parametrize("token", [MADE, WORDS, SIGNS], ids=["made", "words", "signs"])
@pytest.mark.parametrize("before", ["", "a", "acme:", "token=", "four", "fives"])
@pytest.mark.parametrize("after", ["", "\n", "ab", "xyz"])
def test_base64(token: str, before: str, after: str) -> None:
    whole = f"{before}{token}{after}".encode()
    for encoded in (b64encode(whole), b64encode(whole).rstrip(b"="), urlsafe_b64encode(whole)):
        for spelled in (encoded, quote(encoded, safe="").encode(), encoded.replace(b"/", b"\\/")):
            censored = censor(token).data(b"x=" + spelled + b"&y=1")
            assert b"***" in censored
            assert censored.startswith(b"x=")
            assert censored.endswith(b"&y=1")
            # What is left of it decodes to what stood around the token, and has nothing of it.
            assert len(censored) <= len(b"x=***&y=1") + 4 * (len(before) + len(after) + 2)


@pytest.mark.parametrize(
    ("token", "text", "censored"),
    [
        pytest.param(WORD, "token=tiger&x=1", "token=***&x=1", id="a short one as a parameter"),
        pytest.param(WORD, '{"a": "tiger"}', '{"a": "***"}', id="a short one in JSON"),
        pytest.param(WORD, "tiger", "***", id="a short one alone"),
        pytest.param(WORD, "?token=tig%65r", "?token=***", id="a short one encoded"),
        pytest.param(WORD, "Basic:YWNtZTp0aWdlcg==", "Basic:***", id="a short one in Basic"),
        pytest.param(WORD, "tiger=1&tiger=2&x=tiger", "tiger=1&tiger=2&x=***", id="a short one as a name in a form"),
        pytest.param(WORD, '{"tiger" : "tiger"}', '{"tiger" : "***"}', id="a short one as a name in JSON"),
        pytest.param(WORD, "text=my+tiger&a=tigers", "text=my+tiger&a=tigers", id="a short one in a text"),
        pytest.param("abc", "token=abc", "token=abc", id="one that is no secret"),
        pytest.param("60123456789", '{"to": 60123456789}', '{"to": 60123456789}', id="a number"),
    ],
)
def test_tokens_that_could_be_something_else(token: str, text: str, censored: str) -> None:
    assert censor(token).text(text) == censored


def test_a_token_that_begins_with_another() -> None:
    assert censor(WORDS, f"{WORDS}-2").text(f"{WORDS}-2 {WORDS}") == "*** ***"


@pytest.mark.parametrize("count", [1, 100])
def test_all_of_many_are_found(count: int) -> None:
    tokens = [secrets.token_urlsafe(24) for _ in range(count)]
    blind = censor(*tokens)
    for token in tokens:
        for spelled in (token, b64encode(f"acme:{token}".encode()).decode(), every_percent(token)):
            assert token not in blind.text(f"a={'x' * 50}{spelled}&b=1")
            assert "***" in blind.text(f"a={'x' * 50}{spelled}&b=1")


@given(st.binary())
def test_nothing_else_is_touched(data: bytes) -> None:
    assert censor(MADE).data(data) is data


@given(st.text())
def test_no_tokens(text: str) -> None:
    assert Censor().text(f"{text}{MADE}") == f"{text}{MADE}"


@given(st.text(), st.text())
def test_what_stands_around_is_kept(before: str, after: str) -> None:
    assert censor(MADE).text(f"{before} {MADE} {after}") == f"{before} *** {after}"


@pytest.mark.parametrize(
    "filling",
    [b"\\", b"%25", b"%", b"25", b"\0", b"%41", b"\\u0041", MADE[:-1].encode(), MADE[:1].encode(), b"V\0\0\0", b"***"],
)
def test_no_spelling_makes_it_slow(filling: bytes) -> None:
    data = b"%" + filling * (256 * 1024 // len(filling)) + MADE.encode()
    began = time.process_time()
    assert MADE.encode() not in censor(MADE).data(data)
    assert time.process_time() - began < 1
