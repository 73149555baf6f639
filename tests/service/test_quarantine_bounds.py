"""The quarantine's bounds in a receiver: no account pushes another's requests out."""

import re
from typing import Any

import httpx

from tests.support.service import Service, free_port, running, wait_for


def test_a_flood_of_bad_requests_pushes_no_other_account_out(redis_url: str) -> None:
    admin = free_port()
    with running(redis_url, queues="", RINGBACK_ADMIN_PORT=str(admin), RINGBACK_QUARANTINE_MAX="100000") as service:

        def evicted() -> dict[str, float]:
            metrics = httpx.get(f"http://127.0.0.1:{admin}/metrics").text
            found = re.findall(r'ringback_quarantine_evicted_total{account="(\w+)"} (.*)', metrics)
            return {account: float(count) for account, count in found}

        bad: dict[str, Any] = {"data": {"mocean-msgid": "beta"}}
        assert service.request("PUT", "mocean/delivery-report", token="another-secret", **bad).status_code == 422
        assert evicted() == {"other": 0}
        flood = [{"smsid": f"{number:03d}"} for number in range(1000)]
        assert service.request("POST", "mycoolsms/delivery-report", json=flood).status_code == 422
        left = service.quarantined()
        assert 100 < len(left) < 200  # of some 600 bytes each
        assert [one["body"] for one in left if one["account"] == "other"] == ["mocean-msgid=beta"]
        assert evicted() == {"acme": 1001 - len(left), "other": 0}
        dropped = service.ringback("quarantine", "drop", "--all").stderr
        assert dropped == f"{len(left)} to drop\nDropped {len(left)}.\n"
        assert service.redis.exists(service.keys.quarantine_held) == 0


def test_a_receiver_counts_again_what_was_changed_by_hand(service: Service) -> None:
    for number in range(3):
        assert service.request("PUT", "mocean/delivery-report", data={"mocean-msgid": str(number)}).status_code == 422
    service.redis.xtrim(service.keys.quarantine, 1, approximate=False)
    assert service.request("PUT", "mocean/delivery-report", data={"mocean-msgid": "3"}).status_code == 422

    def counted() -> bool:
        sets: Any = service.redis.zcard(f"{service.keys.quarantine_sets}acme")
        return bool(sets == len(service.quarantined()) == 2)

    wait_for(counted, "the count")
