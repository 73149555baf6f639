"""A token that stands where it does not belong is kept nowhere: not in the event, the quarantine or the log.

It is found by what it is; `tests/schemas/test_censor.py` has the spellings.
"""

import gzip
import json
import re
from base64 import b64encode
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.service import TOKEN, Service

BASIC = b64encode(f"acme:{TOKEN}".encode()).decode()
ENCODED = quote(TOKEN, safe="").replace("s", "%73")
DLR = {"smsid": "a", "status": "SMS_STATUS_DELIVERED"}
LEAKS = re.compile("|".join([re.escape(TOKEN), re.escape(ENCODED), re.escape(BASIC), "c2VjcmV0"]))  # "secret"


def kept(service: Service) -> str:
    """Return all that the stream and the quarantine hold, decoded."""
    return json.dumps([service.stored(), service.quarantined()])


@pytest.fixture(autouse=True)
def _empty(service: Service) -> None:
    service.redis.xtrim(service.keys.events, 0, approximate=False)  # its group stays
    service.redis.delete(service.keys.quarantine, *service.redis.scan_iter(service.keys.seen("*")))


HEADERS = {
    "Referer": f"https://a.example/x?%74oken={TOKEN}",
    "X-Auth-Token": TOKEN,
    "X-Request-Id": f"{BASIC}",
    "Forwarded": f"for=1;by={ENCODED}",
    "X-Original-URI": f"/webhooks/mycoolsms/delivery-report?token={TOKEN}",
}


@pytest.mark.parametrize(
    ("query", "body", "raw", "context"),
    [
        pytest.param("", {**DLR, "token": TOKEN}, {**DLR, "token": "***"}, {}, id="a field of the body"),
        pytest.param("", {**DLR, TOKEN: [f"x{TOKEN}y"]}, {**DLR, "***": ["x***y"]}, {}, id="a name; inside"),
        pytest.param("", {**DLR, "mocean-event-url": f"https://a.example/?token={ENCODED}&a=1"},
                     {**DLR, "mocean-event-url": "https://a.example/?token=***&a=1"}, {}, id="a URL of ours"),
        pytest.param(f"&x={quote(BASIC)}", DLR, {**DLR, "x": "YWNtZT***"}, {}, id="base64 in the query"),
        pytest.param(f"&ctx.token={TOKEN}&ctx.order=42", DLR, DLR, {"token": "***", "order": "42"}, id="the context"),
        pytest.param(f"&%74oken={TOKEN}&to%6ben=x", DLR, DLR, {}, id="the parameter, spelled otherwise"),
    ],
)  # fmt: skip
def test_in_an_event(service: Service, query: str, body: dict[str, Any], raw: Any, context: Any) -> None:
    url = f"/webhooks/mycoolsms/delivery-report?token={TOKEN}{query}"
    assert service.http.post(url, json=body, headers=HEADERS).status_code == 200
    (entry,) = service.stored()
    event = json.loads(entry["event"])
    assert (event["data"]["raw"], event["data"]["context"]) == (raw, context)
    assert LEAKS.search(kept(service)) is None
    # A repeat is a repeat, and what else was sent is as it was.
    assert service.http.post(url, json=body, headers=HEADERS).status_code == 200
    assert len(service.stored()) == 1
    assert (event["subject"], event["data"]["status"]) == ("a", "delivered")


def test_in_a_text_and_as_the_step_of_a_call(service: Service) -> None:
    text = {"mocean-from": "60123456789", "mocean-to": "63001", "mocean-text": f"my token is {TOKEN}, yours?"}
    assert service.request("POST", "mocean/inbound-sms", data=text).status_code == 200
    assert service.request("POST", f"mocean/voice/collect/{TOKEN}", data={"mocean-call-uuid": "c"}).status_code == 200
    sms, call = (event["data"] for event in service.events())
    assert sms["text"] == "my token is ***, yours?"
    assert call["step"] == "***"
    assert LEAKS.search(kept(service)) is None


PART = '--b\r\nContent-Disposition: form-data; name="%s"\r\n%s\r\n%s\r\n'
MULTIPART = (
    PART % ("smsid", "", "a")
    + PART % ("status", "", "SMS_STATUS_DELIVERED")
    + PART % ("x", "Content-Transfer-Encoding: quoted-printable\r\n", f"{TOKEN[:7]}=\r\n{TOKEN[7:]}")
    + "--b--\r\n"
)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("application/x-www-form-urlencoded; charset=utf-16be",
                     "smsid=a&status=SMS_STATUS_DELIVERED&x=" + quote(TOKEN.encode("utf-16-be")), id="UTF-16, escaped"),
        pytest.param("multipart/form-data; boundary=b", MULTIPART, id="quoted-printable, split over two lines"),
    ],
)  # fmt: skip
def test_in_what_only_decoding_shows(service: Service, content_type: str, body: str) -> None:
    headers = {"Content-Type": content_type}
    answer = service.request("POST", "mycoolsms/delivery-report", content=body.encode(), headers=headers)
    assert answer.status_code == 200
    (entry,) = service.stored()
    assert json.loads(entry["event"])["data"]["raw"]["x"] == "***"
    assert LEAKS.search(kept(service)) is None


def test_in_a_compressed_body(service: Service) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    whole, lacking = ({**DLR, "x": TOKEN}, {"smsid": "a", "x": TOKEN})
    codes = [
        service.request(
            "POST", "mycoolsms/delivery-report", content=gzip.compress(json.dumps(fields).encode()), headers=headers
        ).status_code
        for fields in (whole, lacking)
    ]
    assert codes == [200, 422]
    (event,), (entry,) = service.stored(), service.quarantined()
    assert json.loads(event["event"])["data"]["raw"] == {**DLR, "x": "***"}
    assert json.loads(entry["body"]) == {"smsid": "a", "x": "***"}
    assert "content-encoding" not in entry["headers"]


def test_in_quarantine(service: Service) -> None:
    query = f"?token={TOKEN}&to%6ben=y&ctx.token={ENCODED}&x={quote(BASIC)}"
    body = {"smsid": "a", "url": f"https://a.example/?token={TOKEN}", "b": BASIC, TOKEN: 1}
    answer = service.http.post(f"/webhooks/mycoolsms/delivery-report{query}", json=body, headers=HEADERS)
    assert (answer.status_code, LEAKS.search(answer.text)) == (422, None)
    (entry,) = service.quarantined()
    assert LEAKS.search(kept(service)) is None
    assert entry["path"] == "/webhooks/mycoolsms/delivery-report?ctx.token=***&x=YWNtZT***%3D"
    assert json.loads(entry["body"]) == {
        "smsid": "a",
        "url": "https://a.example/?token=***",
        "b": "YWNtZT***",
        "***": 1,
    }
    headers = dict(line.split(": ", 1) for line in entry["headers"].splitlines())
    assert {name: headers.get(name.lower()) for name in HEADERS} == {
        "Referer": "https://a.example/x?%74oken=***",
        "X-Auth-Token": "***",
        "X-Request-Id": "YWNtZT***",
        "Forwarded": "for=1;by=***",
        "X-Original-URI": None,
    }


def test_a_quarantined_request_still_becomes_an_event(service: Service) -> None:
    body = json.dumps({**DLR, "url": f"https://a.example/?token={TOKEN}"})
    # As an older version has kept it.
    service.redis.xadd(service.keys.quarantine, {
        "path": f"/webhooks/mycoolsms/delivery-report?ctx.token={TOKEN}", "reason": "an older version's", "body": body,
        "method": "POST", "headers": "content-type: application/json", "account": "acme",
    })  # fmt: skip
    retried = service.ringback("quarantine", "retry", "--all")
    assert retried.returncode == 0, retried.stderr
    (entry,) = service.stored()
    data = json.loads(entry["event"])["data"]
    assert data["raw"] == {**DLR, "url": "https://a.example/?token=***"}
    assert data["context"] == {"token": "***"}
    assert LEAKS.search(kept(service)) is None
