"""`ringback trigger` to the service: context and raw fields reach the event."""

import pytest

from tests.support.service import Service


def test_context_and_raw_fields_reach_the_event(service: Service) -> None:
    words = ("--set", "ctx.order=42", "--set", "ctx.a.b=é&= ", "--raw", "route.hop=7", "--raw", "x=y=z")
    sent = service.ringback("trigger", "mocean/delivery-report", *words)
    assert (sent.returncode, sent.stdout, sent.stderr) == (0, "mocean/delivery-report: 200\n", "")
    event = service.events()[-1]
    assert event["data"]["context"] == {"order": "42", "a.b": "é&= "}
    assert {name: event["data"]["raw"].get(name) for name in ("route[hop]", "x")} == {"route[hop]": "7", "x": "y=z"}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--set", "ctx.order"], '--set "ctx.order": write field=value'),
        (["--raw", "route"], '--raw "route": write field=value'),
        (["--raw", "=7"], '--raw "=7": write field=value'),
    ],
)
def test_a_field_without_name_or_value_is_refused(service: Service, words: list[str], error: str) -> None:
    refused = service.ringback("trigger", "mocean/delivery-report", *words)
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", f"ringback: {error}\n")
