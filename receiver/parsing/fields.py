"""Fields: one callback as it came, whatever form it came in, and typed ways to read it.

Providers send the same parameter as a form string, a JSON number or a query value; a nested object as JSON, as
`carrier[mcc]=502`, as `carrier.mcc=502` or as a JSON string in one field. A provider module reads them all alike.

One rule for every reader: a field that is there (neither null nor empty) and cannot be read as its kind is flagged
`unreadable:<field>`, or as the caller says. Flags are counted under their names, so none is ever made of what was sent.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from msgspec.structs import replace
from pydantic import JsonValue

from ringback.receiver.parsing.charsets import SURROGATE
from ringback.receiver.parsing.nesting import fold, unquoted
from ringback.receiver.parsing.numbers import Written, has_fraction, integer, no_constant, whole
from ringback.schemas.address import Address, AddressKind, parse_address

_MOST_PARTS: Final = 1000
_LONGEST_REMEMBERED: Final = 64
_QUICK: Final = 18  # digits
_TOO_LARGE: Final = 10**_QUICK
MAX_ID: Final = 256
"""Characters of an id or address. Such become keys in Redis, and stand in several places of an event."""
_ESCAPES: Final = re.compile(  # the last is half of a surrogate pair
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
FRACTION: Final = "number:fraction"


@dataclass(slots=True)
class Fields:
    """One callback's fields. `raw` is what was sent, name by name; reading never changes it.

    `flags` collects what was odd (contract, section 2); parts of a callback share the list of the whole.
    `path` holds the parameters of the URL's path, such as the `step` of a voice flow.
    """

    raw: dict[str, JsonValue]
    flags: list[str] = field(default_factory=list)
    path: Mapping[str, str] = field(default_factory=dict)
    _tree: dict[str, JsonValue] | None = None

    @property
    def tree(self) -> dict[str, JsonValue]:
        """The fields with bracketed and dotted names folded into objects; `raw` itself where there are none."""
        if self._tree is None:
            self._tree = fold(self.raw)
        return self._tree

    def get(self, name: str) -> JsonValue:
        """Give a field's value as received, or None. A field sent several times counts with its first value."""
        tree = self._tree
        value = (self.tree if tree is None else tree).get(name)
        return value[0] if type(value) is Repeated and value else value

    def scalar(self, name: str) -> str | None:
        """Return a scalar field as text, numbers as written; None, without a flag, for anything else."""
        value = self.get(name)
        if isinstance(value, str):
            return value
        if value is None or isinstance(value, dict | list):
            return None
        return json.dumps(value)

    def text(self, name: str, odd: str | None = None) -> str | None:
        """Return a scalar field as text: numbers as written, None where it is absent or null.

        `odd`: how an object or an array is flagged, if not `unreadable:<name>`; so in all readers.
        """
        value = self.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, dict | list):
            if value:
                self.unreadable(name, odd)
            return None
        return json.dumps(value)

    def word(self, name: str, odd: str | None = None) -> str | None:
        """Return a scalar field as text without surrounding space, None where nothing is left.

        A JSON number with a fraction or an exponent is no id and no word: it is flagged `number:fraction`, and written
        without them where it is whole.
        """
        value = self.text(name, odd)
        if type(value) is Written:
            self.flag(FRACTION)
            return whole(value) or value
        return value.strip() or None if value else None

    def identifier(self, name: str) -> str | None:
        """Return an id, None where there is none; in place of one that is too long a digest of it, flagged."""
        word = self.word(name)
        return word if word is None or len(word) <= MAX_ID else self.short(word, "id:too-long")

    def short(self, text: str, flag: str) -> str:
        """Return a text of no more than MAX_ID characters: a digest in place of a longer one, which is then flagged."""
        if len(text) <= MAX_ID:
            return text
        self.flag(flag)
        return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()

    def integer(self, name: str, odd: str | None = None) -> int | None:
        """Return a whole number however it was sent (`1`, `"001"`, `1.0`), None where it is absent or none."""
        value = self.word(name, odd)
        if value is None:
            return None
        if len(value) <= _QUICK and value.isascii() and value.isdigit():  # nearly always
            return int(value)
        digits = whole(value)
        if digits is None or abs(int(digits)) >= _TOO_LARGE:
            self.unreadable(name, odd)
            return None
        if has_fraction(value):
            self.flag(FRACTION)
        return int(digits)

    def boolean(self, name: str, odd: str | None = None) -> bool | None:
        """Return a truth value however it was sent (`true`, `"true"`, `1`), None where it is absent or none."""
        match (self.word(name, odd) or "").lower():
            case "":
                return None
            case "true" | "1":
                return True
            case "false" | "0":
                return False
        self.unreadable(name, odd)
        return None

    def address(self, *names: str, country: str | None = None) -> Address | None:
        """Return the address in the first of these fields that has one: a number, a name, or a Contact object.

        `country` is the provider's own word for it (ISO 3166 alpha-2).
        """
        for name in names:
            raw = self.scalar(name)
            if raw is None or raw.lstrip().startswith("{"):
                contact = self.part(name)
                raw = contact.scalar("id") or raw
                if raw is None and contact.raw:
                    self.unreadable(name)
            if raw and raw.strip():
                if type(raw) is str and len(raw) <= _LONGEST_REMEMBERED:
                    found = parse_address(raw, country)
                    if found.kind is not AddressKind.UNKNOWN:
                        return found  # nearly always
                return self._address(raw if len(raw) <= MAX_ID else self.short(raw, "address:too-long"), country)
        return None

    def _address(self, sent: str, country: str | None) -> Address:
        # It remembers what it was given; nothing as long as this is an address, and it may be 256 KiB long.
        known = parse_address if len(sent) <= _LONGEST_REMEMBERED else parse_address.__wrapped__
        found = known(str(sent), country)
        if type(sent) is Written:
            self.flag(FRACTION)
        elif found.kind is not AddressKind.UNKNOWN or not has_fraction(sent):
            return found
        digits = whole(sent.strip())
        if digits is None:
            return found
        self.flag(FRACTION)
        return replace(parse_address(digits, country), raw=str(sent))

    def part(self, name: str) -> "Fields":
        """Return a nested object as fields of its own, empty where there is none.

        It may be JSON in a string, or as the provider's page writes it: `{country: "MY", mcc: 502}`, `{country=MY}`.
        """
        value = self.get(name)
        found = value
        if isinstance(value, str) and value.lstrip().startswith("{"):
            found = self._decoded(value)
            if not isinstance(found, dict):
                found = unquoted(value.strip())
        if isinstance(found, dict):
            return Fields(found, self.flags)
        self._unless_empty(name, value)
        return Fields({}, self.flags)

    def parts(self, name: str) -> Iterator["Fields"]:
        """Yield the objects of a nested array, each as fields of its own. It may be JSON in a string."""
        value = found = self.get(name)
        if isinstance(value, str) and value.lstrip().startswith("["):
            found = self._decoded(value)
        if isinstance(found, dict):  # items[0][price]=…
            found = list(found.values())
        if not isinstance(found, list):
            self._unless_empty(name, value)
            return
        if len(found) > _MOST_PARTS:
            self.unreadable(name)
        for item in found[:_MOST_PARTS]:
            if isinstance(item, dict):
                yield Fields(item, self.flags)
            else:
                self._unless_empty(name, item)

    def at(self, dotted: str) -> tuple["Fields", str]:
        """Walk to the part that holds a dotted name: `event_data.content.type` is `type` of `content` of …"""
        *parents, name = dotted.split(".")
        here = self
        for parent in parents:
            here = here.part(parent)
        return here, name

    def _decoded(self, text: str) -> JsonValue:
        """Decode JSON that came in a string; None where it is none."""
        whole_pairs = text
        if "\\ud" in text.lower():  # may be half of a surrogate pair, which no UTF-8 can hold
            whole_pairs = _ESCAPES.sub(lambda found: "\\ufffd" if found[1] else found[0], text)
        try:
            decoded: JsonValue = json.loads(
                whole_pairs, parse_float=Written, parse_int=integer, parse_constant=no_constant
            )
        except (ValueError, RecursionError):
            return None
        if whole_pairs != text:
            self.flag(SURROGATE)
        return decoded

    def _unless_empty(self, name: str, value: JsonValue) -> None:
        """Note what stands where an object or an array belongs, unless it is a way to write that there is none."""
        if value is not None and value not in ("", [], {}) and not (isinstance(value, str) and value.isspace()):
            self.unreadable(name)

    def unreadable(self, name: str, odd: str | None = None) -> None:
        """Note that a field is there and is not of its kind. `odd`: the flag for it, if it has one of its own."""
        self.flag(odd or f"unreadable:{name}")

    def flag(self, name: str) -> None:
        """Note something odd about this callback, once."""
        if name not in self.flags:
            self.flags.append(name)


class Repeated(list[JsonValue]):
    """The values of a field that was sent several times, so that it is not taken for an array."""
