"""Addresses: what a provider writes, and what it is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.schemas.address import Address, AddressKind, parse_address
from ringback.schemas.tables.calling_codes import COUNTRY_OF_CALLING_CODE
from ringback.schemas.tables.countries import COUNTRIES

E164, SHORT, NAME, UNKNOWN = (
    AddressKind.E164,
    AddressKind.SHORT_CODE,
    AddressKind.ALPHANUMERIC,
    AddressKind.UNKNOWN,
)


@pytest.mark.parametrize(
    ("raw", "told", "value", "kind", "country"),
    [
        pytest.param("60123456789", None, "+60123456789", E164, "MY", id="digits alone"),
        pytest.param("+60123456789", None, "+60123456789", E164, "MY", id="plus"),
        pytest.param(" 60123456789", None, "+60123456789", E164, "MY", id="a plus that a form made a space"),
        pytest.param("0060123456789", None, "+60123456789", E164, "MY", id="00"),
        pytest.param("001(712)736-3423", None, "+17127363423", E164, None, id="My-Cool-SMS's loose format"),
        pytest.param("+60 12-345 67 89", None, "+60123456789", E164, "MY", id="spaces and dashes"),
        pytest.param("+1230987654321", None, "+1230987654321", E164, None, id="+1 is shared"),
        pytest.param("+1230987654321", "US", "+1230987654321", E164, "US", id="the provider's word decides"),
        pytest.param("+60123456789", "SG", "+60123456789", E164, "SG", id="the provider's word wins"),
        pytest.param("+447700900123", None, "+447700900123", E164, None, id="+44 is shared"),
        pytest.param("+79161234567", None, "+79161234567", E164, None, id="+7 is shared"),
        pytest.param("886983029751", None, "+886983029751", E164, "TW", id="three-digit calling code"),
        pytest.param("1234567", None, "+1234567", E164, None, id="7 digits, the shortest number"),
        pytest.param("123456789012345", None, "+123456789012345", E164, None, id="15 digits, the longest number"),
        pytest.param("1234567890123456", None, "1234567890123456", UNKNOWN, None, id="16 digits"),
        pytest.param("0123456789", None, "0123456789", UNKNOWN, None, id="a national number"),
        pytest.param("63001", None, "63001", SHORT, None, id="short code"),
        pytest.param("63001", "MY", "63001", SHORT, "MY", id="short code with a country"),
        pytest.param("123", None, "123", SHORT, None, id="3 digits, the shortest short code"),
        pytest.param("012345", None, "012345", SHORT, None, id="6 digits that start with 0"),
        pytest.param("12", None, "12", UNKNOWN, None, id="2 digits"),
        pytest.param("MyCompany", None, "MyCompany", NAME, None, id="name"),
        pytest.param("My Company", None, "My Company", NAME, None, id="name with a space, which it keeps"),
        pytest.param(" Bank-1 ", None, "Bank-1", NAME, None, id="name with a dash"),
        pytest.param("A", None, "A", NAME, None, id="a letter"),
        pytest.param("Müller & Co", None, "Müller & Co", NAME, None, id="11 characters, the longest name"),
        pytest.param("Müller & Co.", None, "Müller & Co.", UNKNOWN, None, id="12 characters"),
        pytest.param("...", None, "...", UNKNOWN, None, id="no letter"),
        pytest.param("end-user-phone-number", None, "end-user-phone-number", UNKNOWN, None, id="the samples' word"),
        pytest.param("٦٠١٢٣٤٥٦٧٨٩", None, "٦٠١٢٣٤٥٦٧٨٩", UNKNOWN, None, id="digits of another script"),
        pytest.param("", None, "", UNKNOWN, None, id="nothing"),
        pytest.param("+447700900123", "UK", "+447700900123", E164, None, id="a word that is no country of ISO"),
        pytest.param("+60123456789", "XX", "+60123456789", E164, "MY", id="then the numbering plan decides"),
        pytest.param("63001", "Malaysia", "63001", SHORT, None, id="a country's name"),
        pytest.param("24762000", None, "+24762000", E164, "SH", id="Ascension has no code of its own"),
    ],
)
def test_parse_address(raw: str, told: str | None, value: str, kind: AddressKind, country: str | None) -> None:
    assert parse_address(raw, told) == Address(value=value, kind=kind, raw=raw, country=country)


@given(st.text())
def test_nothing_is_refused(raw: str) -> None:
    assert parse_address(raw).raw == raw


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_a_value_reads_as_itself(digits: str) -> None:
    value = parse_address(digits).value
    assert parse_address(value).value == value == f"+{digits}"


def test_the_numbering_plan_has_countries_of_iso() -> None:
    assert set(COUNTRY_OF_CALLING_CODE.values()) <= COUNTRIES
    assert (len(COUNTRIES), {len(code) for code in COUNTRIES}) == (249 + 1, {2})


def test_no_calling_code_begins_another() -> None:
    codes = sorted(COUNTRY_OF_CALLING_CODE)
    assert [(a, b) for a, b in pairwise(codes) if b.startswith(a)] == []
