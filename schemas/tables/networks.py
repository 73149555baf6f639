"""Mobile networks of the provider's "Network Code" table, and how to restore the zeros that numbers lose.

A network code is the provider's own id: usually MCC followed by MNC, but 240 of the 1,347 rows have something else.
"""

import csv
from importlib.resources import files
from typing import Final, NamedTuple


class Network(NamedTuple):
    """A row. `country` is what the table says, not always ISO 3166 (`AB`, `AN`, `XK`); codes keep their zeros."""

    network_code: str
    country: str | None
    operator: str
    mcc: str | None
    mnc: str | None


def _load() -> tuple[Network, ...]:
    lines = (files("ringback.schemas.tables") / "networks.csv").read_text(encoding="utf-8").splitlines()
    return tuple(
        Network(code, country or None, operator, mcc or None, mnc or None)
        for code, country, operator, mcc, mnc in csv.reader(lines[1:])
    )


def _unique_mncs(networks: tuple[Network, ...]) -> dict[tuple[str, int], str]:
    """Leave out what is ambiguous: in one country both `05` and `005` may be networks."""
    written: dict[tuple[str, int], set[str]] = {}
    for network in networks:
        if network.mcc and network.mnc:
            written.setdefault((network.mcc, int(network.mnc)), set()).add(network.mnc)
    return {number: mncs.pop() for number, mncs in written.items() if len(mncs) == 1}


_ALL: Final = _load()

NETWORKS: Final = {network.network_code: network for network in _ALL}
"""Networks by network code. `0` is the unknown network, `25903` has no MCC and MNC."""

MNCS: Final = _unique_mncs(_ALL)
"""How an MNC is written, by MCC and its number: `MNCS["262", 3] == "03"`."""
