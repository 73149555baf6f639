"""Segments: each character of the alphabets, the lengths at the borders, and every text against a second method."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringback.schemas.segments import Segments, segments
from ringback.schemas.tables.gsm0338 import ALPHABET, EXTENSION, decode_gsm0338

ESCAPE = 0x1B
EMOJI = "😀"
SEPTETS = {decode_gsm0338(bytes([septet])): bytes([septet]) for septet in range(128) if septet != ESCAPE}
SEPTETS |= {decode_gsm0338(bytes([ESCAPE, second])): bytes([ESCAPE, second]) for second in EXTENSION}


def counted(text: str) -> tuple[str, int, int]:
    found = segments(text)
    return found.encoding, found.characters, found.parts


@pytest.mark.parametrize("character", sorted(set(ALPHABET)), ids=ascii)
def test_a_character_of_the_alphabet(character: str) -> None:
    assert counted(character) == ("gsm7", 1, 1)
    assert counted(character * 160) == ("gsm7", 160, 1)
    assert counted(character * 161) == ("gsm7", 161, 2)


@pytest.mark.parametrize("character", sorted(EXTENSION.values()), ids=ascii)
def test_a_character_of_the_extension(character: str) -> None:
    assert counted(character) == ("gsm7", 2, 1)
    assert counted(character * 80) == ("gsm7", 160, 1)
    assert counted(character * 81) == ("gsm7", 162, 2)


def test_the_alphabet_is_whole() -> None:
    assert len(set(ALPHABET)) == 127  # the escape is none
    assert len(EXTENSION) == 10


@pytest.mark.parametrize(
    "character",
    ["`", "ç", "á", "Á", "\t", "\x1b", "\x00", "\u00a0", "’", "“", "–", "…", "Ω\u0301", "中", "А", "\ufeff"],
    ids=ascii,
)
def test_a_character_of_neither(character: str) -> None:
    assert segments(f"Hello {character}").encoding == "ucs2"
    assert segments(f"Hello {character}").characters == 6 + len(character)


GSM = [
    pytest.param("", ("gsm7", 0, 0), id="nothing"),
    pytest.param("a" * 160, ("gsm7", 160, 1), id="160"),
    pytest.param("a" * 161, ("gsm7", 161, 2), id="161"),
    pytest.param("a" * 158 + "€", ("gsm7", 160, 1), id="160 with an escape at the end"),
    pytest.param("a" * 159 + "€", ("gsm7", 161, 2), id="161 with an escape at the end"),
    *(pytest.param("a" * (153 * n - 1), ("gsm7", 153 * n - 1, n), id=f"153 times {n}, less one") for n in range(2, 7)),
    *(pytest.param("a" * (153 * n), ("gsm7", 153 * n, n), id=f"153 times {n}") for n in range(2, 7)),
    *(
        pytest.param("a" * (153 * n + 1), ("gsm7", 153 * n + 1, n + 1), id=f"153 times {n}, and one")
        for n in range(2, 7)
    ),
    pytest.param("a" * 765, ("gsm7", 765, 5), id="765"),
    pytest.param("a" * 766, ("gsm7", 766, 6), id="766"),
    pytest.param("a" * 151 + "€" + "a" * 153, ("gsm7", 306, 2), id="an escape right before the border"),
    pytest.param("a" * 153 + "€" + "a" * 151, ("gsm7", 306, 2), id="an escape right after the border"),
    pytest.param("a" * 152 + "€" + "a" * 151, ("gsm7", 305, 2), id="an escape at the border, with room for it"),
    pytest.param("a" * 152 + "€" + "a" * 152, ("gsm7", 306, 3), id="an escape at the border takes a part more"),
    pytest.param("€" * 153, ("gsm7", 306, 3), id="escapes alone: 76 a part"),
    pytest.param("€" * 152, ("gsm7", 304, 2), id="escapes alone: two parts"),
]
UNICODE = [
    pytest.param("中" * 70, ("ucs2", 70, 1), id="70"),
    pytest.param("中" * 71, ("ucs2", 71, 2), id="71"),
    pytest.param("a" * 69 + "中", ("ucs2", 70, 1), id="70, one of them in no alphabet"),
    pytest.param("€" * 69 + "中", ("ucs2", 70, 1), id="characters of the extension count one"),
    pytest.param(EMOJI, ("ucs2", 2, 1), id="emoji"),
    pytest.param("👩🏾‍🚀", ("ucs2", 7, 1), id="joined emoji"),
    pytest.param("☺", ("ucs2", 1, 1), id="emoji of one unit"),
    pytest.param(EMOJI * 35, ("ucs2", 70, 1), id="35 emoji"),
    pytest.param(EMOJI * 35 + "a", ("ucs2", 71, 2), id="35 emoji and a letter"),
    *(pytest.param("中" * (67 * n), ("ucs2", 67 * n, n), id=f"67 times {n}") for n in range(2, 7)),
    *(pytest.param("中" * (67 * n + 1), ("ucs2", 67 * n + 1, n + 1), id=f"67 times {n}, and one") for n in range(2, 7)),
    pytest.param("中" * 335, ("ucs2", 335, 5), id="335"),
    pytest.param("中" * 336, ("ucs2", 336, 6), id="336"),
    pytest.param("中" * 65 + EMOJI + "中" * 67, ("ucs2", 134, 2), id="a pair right before the border"),
    pytest.param("中" * 67 + EMOJI + "中" * 65, ("ucs2", 134, 2), id="a pair right after the border"),
    pytest.param("中" * 66 + EMOJI + "中" * 65, ("ucs2", 133, 2), id="a pair at the border, with room for it"),
    pytest.param("中" * 66 + EMOJI + "中" * 66, ("ucs2", 134, 3), id="a pair at the border takes a part more"),
    pytest.param(EMOJI * 66, ("ucs2", 132, 2), id="pairs alone: 33 a part"),
    pytest.param(EMOJI * 67, ("ucs2", 134, 3), id="pairs alone: three parts"),
    pytest.param("\ud83d", ("ucs2", 1, 1), id="first half of a pair"),
    pytest.param("\ude00", ("ucs2", 1, 1), id="second half of a pair"),
    pytest.param("\ude00\ud83d" * 35, ("ucs2", 70, 1), id="halves in the wrong order"),
    pytest.param(
        "中" * 66 + "\ud83d" + "\ude00" + "中" * 66, ("ucs2", 134, 3), id="two halves side by side are a pair"
    ),
    pytest.param("中" * 66 + "\ude00" + "\ud83d" + "中" * 66, ("ucs2", 134, 2), id="two halves that are no pair"),
]


@pytest.mark.parametrize(("text", "expected"), [*GSM, *UNICODE])
def test_lengths(text: str, expected: tuple[str, int, int]) -> None:
    assert counted(text) == expected


@pytest.mark.parametrize(
    ("text", "looks_like_hex"),
    [
        pytest.param("", False, id="nothing"),
        pytest.param("1234", True, id="four digits"),
        pytest.param("12345", False, id="five digits"),
        pytest.param("123456", False, id="a code of six digits"),
        pytest.param("12345678", True, id="a code of eight digits"),
        pytest.param("cafe", True, id="a word"),
        pytest.param("DEADbeef", True, id="either case"),
        pytest.param("cafes", False, id="a word of five letters"),
        pytest.param("food", False, id="no hex"),
        pytest.param("1234 ", False, id="a space"),
        pytest.param("1234\n", False, id="a line end"),
        pytest.param("１２３４", False, id="digits of another width"),
        pytest.param("0048006500790021", True, id="UCS-2 itself"),
        pytest.param("1234" * 40, True, id="160 digits"),
    ],
)
def test_hex(text: str, looks_like_hex: bool) -> None:
    assert segments(text).looks_like_hex is looks_like_hex


def test_segments_are_a_value() -> None:
    assert segments("Price: 5 €") == Segments(encoding="gsm7", characters=11, parts=1, looks_like_hex=False)


def encoded(text: str) -> list[bytes]:
    """Encode each character: the wire's bytes, which no part may split."""
    if all(character in SEPTETS for character in text):
        return [SEPTETS[character] for character in text]
    wire = text.encode("utf-16-be", "surrogatepass")
    return [character.encode("utf-16-be", "surrogatepass") for character in wire.decode("utf-16-be", "surrogatepass")]


def fewest_parts(characters: list[bytes], alone: int, joined: int) -> int:
    """Try every place where a part may begin; the fewest parts that end at each place. In bytes."""
    if sum(map(len, characters)) <= alone:
        return min(len(characters), 1)
    ends = [0, *itertools.accumulate(map(len, characters))]
    fewest = [0]
    for place, end in enumerate(ends[1:], start=1):
        fewest.append(
            1 + min(fewest[start] for start in range(max(0, place - joined), place) if end - ends[start] <= joined)
        )
    return fewest[-1]


def runs(characters: str) -> st.SearchStrategy[str]:
    """Draw long texts of few kinds of characters, as they come to the borders."""
    run = st.tuples(st.sampled_from(characters), st.integers(1, 170)).map(lambda drawn: drawn[0] * drawn[1])
    return st.lists(run, min_size=2, max_size=6).map("".join)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw builds a table of characters
@given(runs("aé€^"))
def test_the_fewest_parts_in_gsm7(text: str) -> None:
    expected = fewest_parts(encoded(text), 160, 153)
    assert counted(text) == ("gsm7", sum(map(len, encoded(text))), expected)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw builds a table of characters
@given(runs(f"a中€{EMOJI}\ud83d\ude00").map("中".__add__))
def test_the_fewest_parts_in_ucs2(text: str) -> None:
    expected = fewest_parts(encoded(text), 140, 134)
    assert counted(text) == ("ucs2", sum(map(len, encoded(text))) // 2, expected)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw builds a table of characters
@given(st.text(st.characters(exclude_categories=()), max_size=400))  # halves of pairs too
def test_any_text(text: str) -> None:
    in_gsm7 = all(character in SEPTETS for character in text)
    assert segments(text).encoding == ("gsm7" if in_gsm7 else "ucs2")
    assert segments(text).parts == fewest_parts(encoded(text), *((160, 153) if in_gsm7 else (140, 134)))
