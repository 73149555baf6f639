"""A call is answered in the same request: by its handler, or with the fallback whatever is wrong."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event

import httpx
import pytest

from tests.support.service import TOKEN, Service, running, wait_for

FALLBACK = [{"action": "say", "language": "en-GB", "text": "We cannot take your call right now. Please try again."}]
DEADLINE_S = 1.0


def test_the_handlers_answer(service: Service) -> None:
    response = service.trigger("mocean/voice/answer")
    assert response.headers["content-type"] == "application/json"
    url = f"http://127.0.0.1:{service.port}/webhooks/mocean/voice/collect/menu?token={TOKEN}"
    assert response.json() == [
        {"action": "say", "text": "Press 1.", "language": "en-GB"},
        {"action": "collect", "min": 1, "max": 1, "timeout": 5000, "event-url": url},
    ]


def test_a_calls_context_goes_along(service: Service) -> None:
    answer = service.request(
        "POST", "mocean/voice/answer", params={"ctx.order": "4 2"}, data={"mocean-call-uuid": "call-1"}
    ).json()
    assert answer[1]["event-url"].endswith(f"/webhooks/mocean/voice/collect/menu?token={TOKEN}&ctx.order=4+2")


def test_the_url_of_a_step_leads_to_its_handler(service: Service) -> None:
    url = service.trigger("mocean/voice/answer").json()[1]["event-url"]
    response = service.http.post(url, data={"mocean-call-uuid": "call-1", "mocean-digits": "1"})
    assert response.json() == [{"action": "dial", "to": "60123456789"}]


@pytest.mark.parametrize(
    ("path", "params", "data"),
    [
        pytest.param("mocean/voice/answer", {"ctx.do": "raise"}, {"mocean-call-uuid": "c"}, id="the handler raises"),
        pytest.param("mocean/voice/answer", {"ctx.do": "hang"}, {"mocean-call-uuid": "c"}, id="the handler hangs"),
        pytest.param("mocean/voice/collect/menu", {}, {"mocean-call-uuid": "c"}, id="the MC is invalid"),
        pytest.param("mocean/voice/collect/attic", {}, {"mocean-call-uuid": "c"}, id="no handler for the step"),
        pytest.param("mocean/voice/collect", {}, {"mocean-call-uuid": "c"}, id="no step"),
        pytest.param("mocean/voice/answer", {}, {"mocean-from": "60123456789"}, id="a mandatory field is missing"),
        pytest.param("mocean/voice/answer", {}, {}, id="an empty request"),
    ],
)
def test_the_fallback(service: Service, path: str, params: dict[str, str], data: dict[str, str]) -> None:
    began = time.monotonic()
    response = service.request("POST", path, params=params, data=data)
    assert (response.status_code, response.json()) == (200, FALLBACK)
    assert time.monotonic() - began < DEADLINE_S + 0.5


@pytest.mark.parametrize("body", [b"{", b"[]", b'[{"mocean-call-uuid": "a"}, {"mocean-call-uuid": "b"}]', b"\xff\x00"])
def test_the_fallback_for_what_cannot_be_read(service: Service, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = service.request("POST", "mocean/voice/answer", content=body, headers=headers)
    assert (response.status_code, response.json()) == (200, FALLBACK)


def test_a_hung_call_does_not_silence_the_next(service: Service) -> None:
    """The one voice worker is freed when its handler's time is up."""
    service.request("POST", "mocean/voice/answer", params={"ctx.do": "hang"}, data={"mocean-call-uuid": "c"})
    wait_for(lambda: service.trigger("mocean/voice/answer").json()[0]["text"] == "Press 1.", "the handler's answer")


def test_no_worker_means_the_fallback_at_the_deadline_and_no_late_run(redis_url: str) -> None:
    with running(redis_url, queues="events", RINGBACK_VOICE_FALLBACK="Nobody is here.") as service:
        began = time.monotonic()
        assert service.trigger("mocean/voice/answer").json() == [
            {"action": "say", "text": "Nobody is here.", "language": "en-GB"}
        ]
        assert DEADLINE_S <= time.monotonic() - began < DEADLINE_S + 0.5
        (event,) = service.stored()
        wait_for(lambda: not service.redis.exists(service.keys.rq_job(event["id"])), "the end of the voice job")
        assert event["type"] == "call.incoming"


def test_no_voice_handler_means_the_fallback(redis_url: str) -> None:
    with running(redis_url, queues="events,voice", RINGBACK_HANDLERS="ringback.eventlog") as service:
        began = time.monotonic()
        assert service.trigger("mocean/voice/answer").json() == FALLBACK
        assert time.monotonic() - began < DEADLINE_S


@pytest.mark.timed
def test_another_accounts_calls_do_not_wait_for_a_flood_of_calls(redis_url: str) -> None:
    form = {"mocean-call-uuid": "c", "mocean-to": "63001", "mocean-from": "60123456789"}
    with running(redis_url, queues="voice,voice", RINGBACK_VOICE_DEADLINE="2s") as service:
        over = Event()

        def flood(_: int) -> None:
            with httpx.Client(base_url=service.http.base_url, timeout=0.5) as caller:
                while not over.is_set():  # whose callers hang up before they are answered
                    with suppress(httpx.TimeoutException):
                        params = {"token": TOKEN, "ctx.do": "take time"}
                        caller.post("/webhooks/mocean/voice/answer", params=params, data=form)

        with ThreadPoolExecutor(100) as threads:
            for number in range(100):
                threads.submit(flood, number)
            try:
                wait_for(lambda: service.redis.llen(f"{service.keys.call_lines}acme") > 50, "a long line")
                began = time.monotonic()
                said = [
                    service.request("POST", "mocean/voice/answer", token="another-secret", data=form).json()[0]["text"]
                    for _ in range(20)
                ]
                took = time.monotonic() - began
            finally:
                over.set()
    assert said == ["Press 1."] * 20
    # Each waits for the call that runs and for one more, of 100 ms each.
    assert took < 20 * 0.5


def test_many_calls_at_once(service: Service) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: service.trigger("mocean/voice/answer").json()[0]["text"], range(20)))
    assert answers == ["Press 1."] * 20


def test_the_default_language(redis_url: str) -> None:
    spoken = {"RINGBACK_VOICE_LANGUAGE": "ms-MY", "RINGBACK_VOICE_FALLBACK": "Tiada orang di sini."}
    with running(redis_url, queues="voice", **spoken) as service:
        answered = service.trigger("mocean/voice/answer").json()
        fallback = service.request("POST", "mocean/voice/answer", data={"unusable": "x"}).json()
    assert answered[0] == {"action": "say", "text": "Press 1.", "language": "ms-MY"}
    assert fallback == [{"action": "say", "text": "Tiada orang di sini.", "language": "ms-MY"}]
