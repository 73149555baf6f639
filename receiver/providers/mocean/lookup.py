"""Mocean number lookup results (document: "Number Lookup API"). Forms. They are repeated for 36 hours."""

from typing import Final

from ringback.receiver.parsing.callbacks import Callbacks, Draft, Need
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.parsing.values import choice
from ringback.receiver.providers.mocean.parties import value
from ringback.schemas.event_data import Carrier, Error, LookupCompleted, LookupStatus, Ported
from ringback.schemas.tables.networks import MNCS, NETWORKS, Network

LOOKUP_ERRORS: Final = {  # code: text, permanent (our judgement, as in schemas/tables/dlr_errors.py)
    1: ("Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.", True),
    2: ("Insufficient balance.", True),
    6: ("No phone number specified.", True),
    24: ("Unknown error.", None),
    28: ("Invalid phone number.", True),
    32: ("Throttled error.", False),
    34: ("Invalid request received.", True),
    40: ("System down for maintenance.", False),
    45: ("System error, please try again.", False),
    65: ("Route not found.", True),
    70: ("Invalid service - Request made is not a service enabled on your account.", True),
}
LOOKUP_CODE: Final = {"ok": 0} | {name.rstrip(".").lower(): code for code, (name, _) in LOOKUP_ERRORS.items()}
PORTED: Final = {"ported": Ported.PORTED, "not_ported": Ported.NOT_PORTED, "unknown": Ported.UNKNOWN}
NO_NETWORK: Final = Network("", None, "", None, None)

callbacks = Callbacks("mocean")


@callbacks.at("/number-lookup", method="PUT", needs=("status", Need(("msgid", "to"), addresses=("to",))))
def number_lookup(fields: Fields) -> Draft:
    """Number Lookup API, "Delivery Result". Its MCC and MNC are numbers, so that they have lost their zeros."""
    lookup_id = fields.identifier("msgid")
    number = fields.address("to")
    error = lookup_error(fields)
    return Draft(
        subject=lookup_id,
        identity=(lookup_id, value(number)) if lookup_id else None,
        data=LookupCompleted(
            lookup_id=lookup_id,
            number=number,
            status=LookupStatus.FAILED if error else LookupStatus.OK,
            current_carrier=carrier(fields.part("current_carrier")),
            original_carrier=carrier(fields.part("original_carrier")),
            ported=choice(fields, "ported", PORTED, Ported.UNKNOWN),
            error=error,
        ),
        party=number.value if number else None,
    )


def lookup_error(fields: Fields) -> Error | None:
    """Return a lookup's error; None for status 0."""
    word = (fields.word("status") or "").lower().rstrip(".")
    code = LOOKUP_CODE[word] if word in LOOKUP_CODE else fields.integer("status", "unknown:status")
    if code == 0:
        return None
    name, permanent = LOOKUP_ERRORS.get(code or 0, (None, None))
    return Error(code=code, name=name, description=fields.word("err_msg"), permanent=permanent)


def carrier(fields: Fields) -> Carrier | None:
    """Return a lookup's carrier; None for network code 0, the unknown one. The wire's names win over the table's."""
    code = fields.word("network_code")
    if not fields.raw or (code is not None and not code.strip("0")):
        return None
    network = NETWORKS.get(code, NO_NETWORK) if code else NO_NETWORK
    mcc, mnc = mcc_and_mnc(fields, network)
    return Carrier(
        country=fields.word("country") or network.country,
        name=fields.word("name") or network.operator or None,
        network_code=code,
        mcc=mcc,
        mnc=mnc,
    )


def mcc_and_mnc(fields: Fields, network: Network) -> tuple[str | None, str | None]:
    """Restore the zeros of MCC and MNC: `03` arrives as 3 (contract, section 2, "Carrier")."""
    mcc_number, mnc_number = fields.integer("mcc"), fields.integer("mnc")
    # A row that contradicts the wire is out of date: the document's table is a copy.
    if (
        network.mcc
        and network.mnc
        and mcc_number in (None, int(network.mcc))
        and mnc_number in (None, int(network.mnc))
    ):
        return network.mcc, network.mnc
    mcc, mnc = fields.word("mcc"), fields.word("mnc")
    if mcc is None or mnc is None or mcc_number is None or mnc_number is None:
        return mcc if mcc_number is not None else None, mnc if mnc_number is not None else None
    mcc = f"{mcc_number:03}"
    if len(mnc) > 1 and mnc.startswith("0"):
        return mcc, mnc  # sent with its zeros
    code = fields.word("network_code") or ""
    rest = code.removeprefix(mcc)
    if rest != code and len(rest) in (2, 3) and rest.lstrip("0") == str(mnc_number).lstrip("0"):
        return mcc, rest
    return mcc, MNCS.get((mcc, mnc_number), f"{mnc_number:02}")
