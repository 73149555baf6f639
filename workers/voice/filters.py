"""Filters of voice handlers: sets of values, so that it is known at the start whether two could answer one call.

That is also why there is no `when=` here, as `@on` has it: no one can tell whether two functions ever say yes together.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ringback.schemas.address import Address, AddressKind, parse_address
from ringback.schemas.event_data import CallIncoming, CallInput

Values = str | Iterable[str]
"""One value, or several of which one must be."""

_STEP: Final = re.compile(r"[A-Za-z0-9_.~-]*")
_DIGITS: Final = re.compile(r"[0-9*#]*")


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls a voice handler answers: new ones (`step` None) or those at a step, and of them which.

    `digits`, `callee`, `caller`: the values that fit; None where any does. `otherwise`: those that no other handler
    answers.
    """

    step: str | None
    digits: frozenset[str] | None = None
    callee: frozenset[str] | None = None
    caller: frozenset[str] | None = None
    otherwise: bool = False

    @classmethod
    def of(
        cls,
        step: str | None,
        *,
        digits: Values | None = None,
        callee: Values | None = None,
        caller: Values | None = None,
        otherwise: bool,
    ) -> "CallFilter":
        """Read what a declaration says. Addresses may be written in any way that a provider may write them.

        Raises ValueError where it makes no sense.
        """
        if step is not None and not _STEP.fullmatch(step):
            raise ValueError(f"the step {step!r} may only have letters, digits and _ . ~ -")
        if otherwise and not digits is callee is caller is None:
            raise ValueError("otherwise=True takes the calls that no other handler wants; it has no filter beside it")
        return cls(
            step,
            _pressed(digits) if digits is not None else None,
            _addresses("callee", callee) if callee is not None else None,
            _addresses("caller", caller) if caller is not None else None,
            otherwise,
        )

    def fits(self, data: CallIncoming | CallInput) -> bool:
        """Tell whether a call of this step is one of those."""
        if self.digits is not None and isinstance(data, CallInput) and data.digits not in self.digits:
            return False
        return _one_of(data.callee, self.callee) and _one_of(data.caller, self.caller)

    def overlaps(self, other: "CallFilter") -> bool:
        """Tell whether some call could be for both."""
        if self.step != other.step:
            return False
        if self.otherwise is not other.otherwise:
            # Beside a handler that takes every call there is no other call left.
            filtered = other if self.otherwise else self
            return filtered.digits is filtered.callee is filtered.caller is None
        pairs = ((self.digits, other.digits), (self.callee, other.callee), (self.caller, other.caller))
        return all(one is None or another is None or one & another for one, another in pairs)

    def __str__(self) -> str:
        return "a new call" if self.step is None else f"the step {self.step!r}"


def _one_of(address: Address | None, wanted: frozenset[str] | None) -> bool:
    return wanted is None or (address is not None and address.value in wanted)


def _pressed(digits: Values) -> frozenset[str]:
    listed = _listed("digits", digits)
    for one in listed:
        if not _DIGITS.fullmatch(one):
            raise ValueError(f'digits={one!r} is nothing that one can press; write 0-9, * and #, or "" for no input')
    return frozenset(listed)


def canonical(name: str, written: str) -> str:
    """Return the canonical value of an address that a declaration names. Raises ValueError where it can be none."""
    address = parse_address(written)
    if address.kind is AddressKind.UNKNOWN:
        raise ValueError(f"{name}={written!r} is no phone number; write it with its country code")
    return address.value


def _addresses(name: str, addresses: Values) -> frozenset[str]:
    return frozenset(canonical(name, one) for one in _listed(name, addresses))


def _listed(name: str, values: object) -> list[str]:
    listed: list[object] = [values] if isinstance(values, str) or not isinstance(values, Iterable) else list(values)
    if not listed:
        raise ValueError(f"{name}=… is empty, so that no call would fit")
    texts = [one for one in listed if isinstance(one, str)]
    if len(texts) < len(listed):
        raise ValueError(f"{name}={values!r} must be text, or a list of texts")
    return texts
