"""Which send a report belongs to: by the ref that it brings back, by the message's id, or none of ours."""

import json
from pathlib import Path
from typing import Any

from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.outbox import await_got, replying
from tests.support.service import Service, wait_for

HANDLERS = "tests.support.handlers.corresponding"


def looked_up(service: Service) -> list[list[Any]]:
    found = service.redis.lrange(f"{service.prefix}:sendings", 0, -1)
    return [json.loads(one) for one in found]


def test_a_report_finds_its_send(redis_url: str, tmp_path: Path) -> None:
    with replying(redis_url, tmp_path, RINGBACK_HANDLERS=HANDLERS) as (service, provider):
        service.sms("REPLY")
        await_got(provider, "Thank you.")
        wait_for(lambda: len(looked_up(service)) == 2, "the sent message and its report")
        (cause,) = [one["id"] for one in service.events() if one["type"] == "message.received"]
        (sent,) = [one["data"] for one in service.events() if one["type"] == "message.sent"]
        known = [sent["ref"], "accepted", "shop.answer", cause, {"ticket": "42"}, {}]
        assert sent["cause"] == cause
        assert sorted(looked_up(service), key=str) == [
            ["message.sent", {"send": sent["ref"], "ticket": "42"}, known],
            ["message.status", {"send": sent["ref"], "ticket": "42"}, known],
        ]

        def report(message_id: str) -> list[Any]:
            before = len(looked_up(service))
            fields = {"mocean-msgid": message_id, "mocean-dlr-status": "2", "mocean-error-code": "5"}
            assert service.send(build(find("mocean/delivery-report"), fields)).status_code == 200
            wait_for(lambda: len(looked_up(service)) > before, "the report")
            return looked_up(service)[-1]

        # As one comes to the URL that is set in the provider's dashboard, which has no context of ours.
        assert report(sent["message_id"]) == ["message.status", {}, known]
        assert report("somebody-elses") == ["message.status", {}, None]
