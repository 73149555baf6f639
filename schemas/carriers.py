"""Carriers: a number lookup's network as an event and a client's result have it (contract, section 2, "Carrier").

A lookup's callback has MCC and MNC as numbers, so that `03` arrives as 3; its synchronous answer has them as texts.
"""

from typing import Final, NamedTuple

from ringback.schemas.event_data import Carrier, Ported
from ringback.schemas.tables.networks import MNCS, NETWORKS, Network

PORTED: Final = {"ported": Ported.PORTED, "not_ported": Ported.NOT_PORTED, "unknown": Ported.UNKNOWN}
_NO_NETWORK: Final = Network("", None, "", None, None)


class MobileCode(NamedTuple):
    """An MCC or MNC: as it was written, and as a number; None where it was not there or is none."""

    written: str | None
    number: int | None


def is_unknown_network(code: str | None) -> bool:
    """Whether this is network code 0, which stands for no carrier."""
    return code is not None and not code.strip("0")


def carrier(*, country: str | None, name: str | None, code: str | None, mcc: MobileCode, mnc: MobileCode) -> Carrier:
    """Return a carrier by what was sent of it; `code` is the network code. What was sent wins over the table's."""
    network = NETWORKS.get(code, _NO_NETWORK) if code else _NO_NETWORK
    mcc_text, mnc_text = _with_zeros(code, network, mcc, mnc)
    return Carrier(
        country=country or network.country,
        name=name or network.operator or None,
        network_code=code,
        mcc=mcc_text,
        mnc=mnc_text,
    )


def mnc_with_zeros(mcc: str, mnc: int) -> str:
    """Return an MNC as it is written in that country: by the table if that is unambiguous, else with two digits."""
    return MNCS.get((mcc, mnc), f"{mnc:02}")


def _with_zeros(code: str | None, network: Network, mcc: MobileCode, mnc: MobileCode) -> tuple[str | None, str | None]:
    """Restore the zeros of MCC and MNC."""
    # A row that contradicts the wire is out of date: the document's table is a copy.
    if (
        network.mcc
        and network.mnc
        and mcc.number in (None, int(network.mcc))
        and mnc.number in (None, int(network.mnc))
    ):
        return network.mcc, network.mnc
    if mcc.written is None or mnc.written is None or mcc.number is None or mnc.number is None:
        return mcc.written if mcc.number is not None else None, mnc.written if mnc.number is not None else None
    country = f"{mcc.number:03}"
    if len(mnc.written) > 1 and mnc.written.startswith("0"):
        return country, mnc.written  # sent with its zeros
    rest = (code or "").removeprefix(country)
    if rest != code and len(rest) in (2, 3) and rest.lstrip("0") == str(mnc.number).lstrip("0"):
        return country, rest
    return country, mnc_with_zeros(country, mnc.number)
