"""Tokens: changed while callbacks come with both."""

from tests.support.service import Service, running


def test_a_rotation(redis_url: str) -> None:
    """By the steps of docs/security.md: at no time is a callback refused whose URL was right a moment ago."""

    def codes(service: Service) -> dict[str, int]:
        answers = {}
        for token in ("old-secret", "new-secret"):
            fields = {"smsid": f"{token}-{service.port}", "status": "SMS_STATUS_DELIVERED"}
            answers[token] = service.request("POST", "mycoolsms/delivery-report", token=token, json=fields).status_code
        return answers

    for tokens, expected in (
        ("acme:old-secret", {"old-secret": 200, "new-secret": 401}),
        ("acme:new-secret,acme:old-secret", {"old-secret": 200, "new-secret": 200}),
        ("acme:new-secret", {"old-secret": 401, "new-secret": 200}),
    ):
        with running(redis_url, queues="", RINGBACK_TOKENS=tokens) as service:
            assert codes(service) == expected
            assert {event["account"] for event in service.stored()} == {"acme"}
