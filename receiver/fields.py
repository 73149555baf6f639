"""Fields: one callback as it came, whatever form it came in, and typed ways to read it.

Providers send the same parameter as a form string, a JSON number or a query value; a nested object as JSON, as
`carrier[mcc]=502`, as `carrier.mcc=502` or as a JSON string in one field. A provider module reads them all alike.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from pydantic import JsonValue

from schemas.address import Address, parse_address

_BRACKETED: Final = re.compile(r"^[^\[\].]+(?:\[[^\[\]]*\])+$")
_MOST_STEPS: Final = 100
_LONGEST_REMEMBERED: Final = 64
MAX_ID: Final = 256
"""Characters of an id or address. Such become keys in Redis, and stand in several places of an event."""
_DOTTED: Final = re.compile(r"^[^\[\].]+(?:\.[^\[\].]+)+$")


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
        value = self.tree.get(name)
        return value[0] if type(value) is Repeated and value else value

    def text(self, name: str) -> str | None:
        """Give a scalar field as text: numbers as written, None where it is absent, null or no scalar."""
        value = self.get(name)
        if isinstance(value, str):
            return value
        if value is None or isinstance(value, dict | list):
            return None
        return json.dumps(value)

    def word(self, name: str) -> str | None:
        """Give a scalar field as text without surrounding space, None where nothing is left."""
        value = self.text(name)
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

    def integer(self, name: str) -> int | None:
        """Give a whole number however it was sent (`1`, `"001"`, `1.0`), None where it is none."""
        value = self.word(name)
        if value is None:
            return None
        try:
            return int(value) if len(value) <= 18 else None
        except ValueError:
            pass
        try:
            number = float(value)
        except ValueError:
            return None
        return int(number) if number.is_integer() and abs(number) < 1e18 else None

    def boolean(self, name: str) -> bool | None:
        """Give a truth value however it was sent (`true`, `"true"`, `1`), None where it is none."""
        match (self.word(name) or "").lower():
            case "true" | "1":
                return True
            case "false" | "0":
                return False
        return None

    def address(self, *names: str, country: str | None = None) -> Address | None:
        """Give the address in the first of these fields that has one: a number, a name, or a Contact object.

        `country` is the provider's own word for it (ISO 3166 alpha-2).
        """
        for name in names:
            raw = self.text(name)
            if raw is None or raw.lstrip().startswith("{"):
                raw = self.part(name).text("id") or raw
            if raw and raw.strip():
                raw = raw if len(raw) <= MAX_ID else self.short(raw, "address:too-long")
                # It remembers what it was given; nothing as long as this is an address.
                known = parse_address if len(raw) <= _LONGEST_REMEMBERED else parse_address.__wrapped__
                return known(raw, country)
        return None

    def part(self, name: str) -> "Fields":
        """Give a nested object as fields of its own, empty where there is none. It may be JSON in a string."""
        value = self.get(name)
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = _decoded(value)
        return Fields(value if isinstance(value, dict) else {}, self.flags)

    def parts(self, name: str) -> Iterator["Fields"]:
        """Give the objects of a nested array, each as fields of its own. It may be JSON in a string."""
        value = self.get(name)
        if isinstance(value, str) and value.lstrip().startswith("["):
            value = _decoded(value)
        if isinstance(value, dict):  # items[0][price]=…
            value = list(value.values())
        for item in value if isinstance(value, list) else ():
            if isinstance(item, dict):
                yield Fields(item, self.flags)

    def at(self, dotted: str) -> tuple["Fields", str]:
        """Walk to the part that holds a dotted name: `event_data.content.type` is `type` of `content` of …"""
        *parents, name = dotted.split(".")
        here = self
        for parent in parents:
            here = here.part(parent)
        return here, name

    def flag(self, name: str) -> None:
        """Note something odd about this callback, once."""
        if name not in self.flags:
            self.flags.append(name)


class Repeated(list[JsonValue]):
    """The values of a field that was sent several times, so that it is not taken for an array."""


def fold(raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Fold `a[b]` and `a.b` into objects. A name that has a plain value already keeps it; the rest stays as it is.

    So does a name of very many steps: each would cost a hundred times the bytes that it was sent in.
    """
    nested = {name: value for name, value in raw.items() if "[" in name or "." in name}
    if not nested:
        return raw
    tree: dict[str, JsonValue] = {name: value for name, value in raw.items() if name not in nested}
    for name, value in nested.items():
        steps = _steps(name)
        if not steps:
            tree[name] = value
            continue
        here = tree
        for step in steps[:-1]:
            below = here.setdefault(step, _Branch())
            if not isinstance(below, _Branch):
                break
            here = below
        else:
            here.setdefault(steps[-1], value)
    return tree


def _steps(name: str) -> list[str]:
    if name.count("[") + name.count(".") > _MOST_STEPS:
        return []
    if _BRACKETED.match(name):
        return name[:-1].replace("][", "[").split("[")
    return name.split(".") if _DOTTED.match(name) else []


class _Branch(dict[str, JsonValue]):
    """An object that folding made, so that none of `raw`'s own is ever written to."""


def _decoded(text: str) -> JsonValue:
    try:
        decoded: JsonValue = json.loads(text)
        if "\\ud" in text.lower():  # may be half of a surrogate pair, which no UTF-8 can hold
            whole = json.dumps(decoded, ensure_ascii=False).encode("utf-16", "surrogatepass")
            decoded = json.loads(whole.decode("utf-16", "replace"))
    except (ValueError, RecursionError):
        return None
    return decoded
