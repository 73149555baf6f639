"""The tables of the documents: whole, and as they are written there."""

from collections import Counter
from importlib.resources import files

import pytest

from ringback.receiver.providers.mocean.whatsapp import META_PASSING, META_PERMANENT
from ringback.schemas.event_data import Error
from ringback.schemas.tables.dlr_errors import DLR_ERRORS
from ringback.schemas.tables.lookup_errors import LOOKUP_ERRORS
from ringback.schemas.tables.networks import MNCS, NETWORKS, Network


def test_networks_are_whole() -> None:
    rows = list(NETWORKS.values())
    complete = [row for row in rows if row.mcc and row.mnc]
    shared = Counter((row.mcc, row.mnc) for row in complete)
    assert {
        "rows": len((files("ringback.schemas.tables") / "networks.csv").read_text(encoding="utf-8").splitlines()) - 1,
        "codes": len(rows),
        "without MCC and MNC": [row.network_code for row in rows if row not in complete],
        "not MCC followed by MNC": sum(row.network_code != f"{row.mcc}{row.mnc}" for row in complete),
        "shared pairs": sum(count > 1 for count in shared.values()),
        "odd codes": [row for row in complete if (len(row.mcc or ""), len(row.mnc or "")) not in {(3, 2), (3, 3)}],
        "odd countries": [row.country for row in rows if not (row.country and row.country.isupper())],
        "odd operators": [row for row in rows if not row.operator or row.operator != row.operator.strip()],
    } == {
        "rows": 1347,
        "codes": 1347,
        "without MCC and MNC": ["25903", "0"],
        "not MCC followed by MNC": 240,
        "shared pairs": 32,
        "odd codes": [],
        "odd countries": [None],
        "odd operators": [],
    }


@pytest.mark.parametrize(
    ("code", "row"),
    [
        pytest.param("28967", Network("28967", "AB", "Aquafon", "289", "67"), id="the first row"),
        pytest.param("50218", Network("50218", "MY", "U Mobile", "502", "18"), id="the sample's network"),
        pytest.param("344030", Network("344030", "AG", "APUA PCS", "344", "030"), id="three-digit MNC with a zero"),
        pytest.param("60400", Network("60400", "MA", "Medi Telecom S.A.(Méditel)", "604", "00"), id="MNC 00"),
        pytest.param(
            "2387493",
            Network("2387493", "GB", "Wave Telecom (JT-Wave)(Guernsey)", "234", "50"),
            id="code that is not MCC and MNC",
        ),
        pytest.param(
            "36801", Network("36801", "CU", "Cubacel (ETECSA, C-Com)", "368", "01"), id="operator with a comma"
        ),
        pytest.param(
            "25903",
            Network("25903", "MD", "InterDnestrCom (IDC) Moldtelecom (Unite) [sharing MCC MNC]", None, None),
            id="the row without MCC and MNC",
        ),
        pytest.param("0", Network("0", None, "Unknown", None, None), id="the unknown network"),
    ],
)
def test_network(code: str, row: Network) -> None:
    assert NETWORKS[code] == row


def test_mncs() -> None:
    assert [MNCS.get(number) for number in (("262", 2), ("344", 30), ("310", 12), ("250", 20), ("999", 1))] == [
        "02",
        "030",
        "012",  # many rows, one writing
        None,  # 20 and 020
        None,
    ]


def test_dlr_errors_are_whole() -> None:
    assert sorted(DLR_ERRORS) == [
        *range(20),
        47,
        *range(49, 64),
        *range(65, 82),
        *(91, 94, 95, 96),
        *range(100, 104),
        *(121, 134, 137, 155, 159, 160, 255),
    ]
    assert len(DLR_ERRORS) == 68
    for code, error in DLR_ERRORS.items():
        assert error.code == code
        assert (error.description or "").startswith(error.name or "?")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Error(code=0, name="No error.", description="No error."), id="none"),
        pytest.param(
            Error(
                code=8,
                name="Illegal equipment.",
                description=(
                    "Illegal equipment. IMEI check failed, i.e. the IMEI is either black listed or not white listed."
                ),
                permanent=True,
            ),
            id="a dot inside is no end",
        ),
        pytest.param(
            Error(
                code=60,
                name="Invalid service keyword (premium SMS).",
                description="Invalid service keyword (premium SMS).",
                permanent=True,
            ),
            id="one sentence",
        ),
        pytest.param(
            Error(
                code=11,
                name="Subscriber busy for MT short message.",
                description=(
                    "Subscriber busy for MT short message. Mobile terminated short message transfer cannot be "
                    "completed because: a. another MT SM transfer is going on and the delivery node does not support "
                    "buffering. b. another MT SM transfer is going on and it is not possible to buffer the message for "
                    "later delivery. c. the message was buffered but it is not possible to deliver the message before "
                    "the expiry of the buffering time defined in GSM 03.40."
                ),
                permanent=False,
            ),
            id="a list in the text",
        ),
        pytest.param(
            Error(
                code=96,
                name="Message expired in system with no final status from carrier.",
                description="Message expired in system with no final status from carrier.",
            ),
            id="it may have arrived: not judged",
        ),
    ],
)
def test_dlr_error(error: Error) -> None:
    assert DLR_ERRORS[error.code or 0] == error


def test_other_errors() -> None:
    assert sorted(LOOKUP_ERRORS) == [1, 2, 6, 24, 28, 32, 34, 40, 45, 65, 70]
    assert META_PASSING.isdisjoint(META_PERMANENT)
