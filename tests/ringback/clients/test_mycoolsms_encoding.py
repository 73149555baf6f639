"""My-Cool-SMS's `message` and `unicode`: what is sent reads as the text, whatever the provider might take it for."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.errors import InvalidRequestError
from ringback.clients.mycoolsms import sms
from ringback.clients.mycoolsms.encoding import from_ucs2, message, to_ucs2
from ringback.schemas.tables.gsm0338 import ALPHABET, EXTENSION

ACCOUNT = MyCoolSmsAccount("xxx", SecretStr("yyy"))
GSM = sorted({*ALPHABET, *EXTENSION.values()})


def fields_of(text: str) -> dict[str, Any]:
    return dict(json.loads(sms.send(ACCOUNT, to="+491234567890", text=text).request.body))


def read(fields: dict[str, Any]) -> str:
    """Read a message as the document says: UCS2 notation if `unicode` is true, else characters of GSM 7."""
    written = fields["message"]
    if fields["unicode"] is True:
        return bytes.fromhex(written).decode("utf-16-be")
    assert fields["unicode"] is False
    assert set(written) <= set(GSM)
    assert not re.fullmatch("([0-9A-Fa-f]{4})+", written)  # or autodetection might take it for UCS2
    return str(written)


@pytest.mark.parametrize("character", GSM, ids=[f"U+{ord(character):04X}" for character in GSM])
def test_each_character_of_gsm_goes_as_gsm(character: str) -> None:
    fields = fields_of(character)
    assert (read(fields), fields["unicode"]) == (character, False)


@pytest.mark.parametrize(
    ("text", "is_unicode"),
    [
        pytest.param("Have a nice day!", False, id="the document's sample"),
        pytest.param("€{}[]~|^\\\f", False, id="the extension"),
        pytest.param("繁体中文", True, id="Chinese"),
        pytest.param("👍🏽", True, id="an emoji with a skin tone"),
        pytest.param("Hi 👨‍👩‍👧", True, id="a family, joined"),
        pytest.param("\ud83d\udc4d", True, id="two halves of a pair are one character"),
        pytest.param("ç", True, id="a small c with a cedilla: only the capital is in GSM"),
        pytest.param("`", True, id="a grave accent"),
        pytest.param("\x1b", True, id="an escape"),
        pytest.param("12345678", True, id="an OTP that looks like UCS2"),
        pytest.param("1234", True, id="four digits"),
        pytest.param("deadBEEF", True, id="letters that look like UCS2"),
        pytest.param("123456", False, id="six digits do not"),
        pytest.param("1234 5678", False, id="nor do digits with a blank"),
        pytest.param("1234\n", False, id="nor do digits with a line end"),
        pytest.param("١٢٣٤", True, id="Arabic digits"),
        pytest.param("a" * 765, False, id="765 septets"),
        pytest.param("a" * 763 + "€", False, id="765 septets, the last two one euro"),
        pytest.param("Ж" * 335, True, id="335 units"),
        pytest.param("Ж" * 333 + "👍", True, id="335 units, the last two one emoji"),
        pytest.param("1" * 332, True, id="332 digits that look like UCS2"),
        pytest.param("1" * 765, False, id="765 digits that do not"),
    ],
)
def test_texts(text: str, is_unicode: bool) -> None:
    fields = fields_of(text)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16")
    assert (read(fields), fields["unicode"]) == (whole, is_unicode)


any_text = st.text(min_size=1, max_size=400) | st.text("0123456789abcdefABCDEF", min_size=1, max_size=400)


@given(any_text)
def test_any_text_reads_as_itself_or_is_refused(text: str) -> None:
    as_gsm = set(text) <= set(GSM) and not re.fullmatch("([0-9A-Fa-f]{4})+", text)
    length = sum(2 if character in EXTENSION.values() else 1 for character in text) if as_gsm else len(utf16(text))
    if length > (765 if as_gsm else 670):
        with pytest.raises(InvalidRequestError):
            message("sendSms", text)
    else:
        assert read(message("sendSms", text)) == text


def utf16(text: str) -> bytes:
    return text.encode("utf-16-be")


def test_to_ucs2_is_the_documents() -> None:
    assert to_ucs2("繁体中文") == "7E414F534E2D6587"
    assert to_ucs2("👍") == "D83DDC4D"
    assert to_ucs2("") == ""


def test_from_ucs2_is_the_documents() -> None:
    assert from_ucs2("7E414F534E2D6587") == "繁体中文"
    assert from_ucs2("0048006100760065002000610020006E00690063006500200064") == "Have a nice d"  # cut off there
    assert from_ucs2("d83ddc4d") == "👍"
    assert from_ucs2("") == ""


@pytest.mark.parametrize(
    "notation",
    [
        pytest.param("004", id="half an octet"),
        pytest.param("004800", id="half a unit"),
        pytest.param("00 48", id="a blank"),
        pytest.param("00480069\n", id="a line end"),
        pytest.param("zzzz", id="no hex"),
        pytest.param("٠٠٤٨", id="Arabic digits"),
        pytest.param("D83D", id="half a surrogate pair"),
    ],
)
def test_what_is_not_ucs2_has_the_documents_code(notation: str) -> None:
    with pytest.raises(InvalidRequestError, match="fromUCS2: code 201: notation: not UCS2") as caught:
        from_ucs2(notation)
    assert (caught.value.code, caught.value.name, caught.value.__context__) == (201, "Invalid UCS2 Input", None)


def test_half_a_surrogate_pair_has_no_ucs2() -> None:
    with pytest.raises(InvalidRequestError, match="toUCS2: text: half of a surrogate pair") as caught:
        to_ucs2("\udc4d")
    assert caught.value.__context__ is None


@given(st.text())
def test_ucs2_and_back(text: str) -> None:
    assert from_ucs2(to_ucs2(text)) == text
