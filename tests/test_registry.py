"""Handlers: what a declaration accepts, which events it wants, and what is refused before anything starts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ringback import on, voice
from ringback.samples import find
from schemas.events import Event
from tests.sample_events import event_of
from workers.discovery import load_registry
from workers.registry import HandlerError, Registry


def registry_of(*functions: Callable[..., object]) -> Registry:
    registry = Registry()
    for function in functions:
        registry.add(function)
    return registry


DLR = event_of(find("mocean/delivery-report"), {"mocean-dlr-status": "2"})
SMS = event_of(find("mocean/inbound-sms"), {"mocean-keyword": "HELP"})


@pytest.mark.parametrize(
    ("declared", "event", "advanced", "wanted"),
    [
        pytest.param(on("message.status"), DLR, True, True, id="type"),
        pytest.param(on("message.status"), SMS, None, False, id="another type"),
        pytest.param(on("message.received", "message.status"), SMS, None, True, id="one of two types"),
        pytest.param(on("*"), SMS, None, True, id="every type"),
        pytest.param(on("message.status", status="failed"), DLR, True, True, id="field"),
        pytest.param(on("message.status", status="sent"), DLR, True, False, id="another value"),
        pytest.param(on("message.status", status=["sent", "failed"]), DLR, True, True, id="one of several values"),
        pytest.param(on("message.received", keyword="HELP", channel="sms"), SMS, None, True, id="two fields"),
        pytest.param(on("message.received", keyword="HELP", channel="whatsapp"), SMS, None, False, id="one does not"),
        pytest.param(on("message.received", when=lambda event: event.account == "acme"), SMS, None, True, id="when"),
        pytest.param(on("message.received", when=lambda _: False), SMS, None, False, id="when not"),
        pytest.param(on("message.status", advanced=True), DLR, True, True, id="advanced"),
        pytest.param(on("message.status", advanced=True), DLR, False, False, id="not advanced"),
        pytest.param(on("message.status", advanced=False), DLR, False, True, id="only what came late"),
    ],
)
def test_what_a_handler_wants(
    declared: Callable[[Callable[..., object]], Callable[..., object]],
    event: Event,
    advanced: bool | None,
    wanted: bool,
) -> None:
    def handle(event: Event) -> None:
        """Do nothing."""

    registry = registry_of(declared(handle))
    assert any(one.wants(event, advanced=advanced) for one in registry.of_type(event.type)) is wanted


@pytest.mark.parametrize(
    ("source", "error"),
    [
        pytest.param(
            "@on('message.sent')\ndef f(event): ...",
            "f ({file}, line 2): 'message.sent' is no type of event;"
            " use message.received, message.status, lookup.completed, call.incoming, call.input, call.status"
            " or *",
            id="unknown type",
        ),
        pytest.param(
            "@on()\ndef f(event): ...",
            "f ({file}, line 2): @on needs a type of event; use message.received,"
            " message.status, lookup.completed, call.incoming, call.input, call.status or *",
            id="no type",
        ),
        pytest.param(
            "@on\ndef f(event): ...",
            "f ({file}, line 2): write @on(type of event, …) with the type in parentheses",
            id="forgotten parentheses",
        ),
        pytest.param(
            "@on('call.input', digit='1')\ndef f(event): ...",
            "f ({file}, line 2): call.input has no field"
            " 'digit'; it has call_id, callee, caller, context, digits, flags, no_input, raw, session_id, step",
            id="unknown field",
        ),
        pytest.param(
            "@on('*', retry=[0.5])\ndef f(event): ...",
            "f ({file}, line 2): retry=[0.5] must be whole seconds",
            id="retry in fractions",
        ),
        pytest.param(
            "@on('*', timeout=0)\ndef f(event): ...",
            "f ({file}, line 2): timeout=0 must be more than 0 seconds",
            id="no time",
        ),
        pytest.param(
            "@on('*')\ndef f(): ...", "f ({file}, line 2): a handler takes (event) or (event, ctx)", id="no parameter"
        ),
        pytest.param(
            "@on('*')\ndef f(a, b, c): ...",
            "f ({file}, line 2): a handler takes (event) or (event, ctx)",
            id="three parameters",
        ),
        pytest.param(
            "@on('*')\ndef f(event): ...\n@on('*')\ndef f(event): ...",
            "f ({file}, line 4): f ({file}, line 2) has the same name; rename one",
            id="two of one name",
        ),
        pytest.param(
            "@voice.answer()\ndef f(call): ...\n@voice.answer()\ndef g(call): ...",
            "g ({file}, line 4): a new call is already answered by f ({file}, line 2); keep one",
            id="two that answer",
        ),
        pytest.param(
            "@voice.collect('a')\ndef f(call): ...\n@voice.collect('a')\ndef g(call): ...",
            "g ({file}, line 4): the step 'a' is already answered by f ({file}, line 2); keep one",
            id="two for one step",
        ),
    ],
)
def test_what_is_refused_at_the_start(
    source: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    name = f"refused_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(f"from ringback import on, voice\n{source}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(HandlerError) as raised:
        load_registry([name])
    assert (
        str(raised.value)
        .removeprefix("RINGBACK_HANDLERS: ")
        .removeprefix(f"{name}: ")
        .startswith(error.format(file=f"{name}.py"))
    )


def test_one_function_for_two_subscriptions() -> None:
    @on("message.received", channel="whatsapp")
    @on("message.status", status="failed")
    def handle(event: Event) -> None:
        """Do nothing."""

    registry = registry_of(handle)
    base = f"{__name__}.test_one_function_for_two_subscriptions.<locals>.handle"
    assert list(registry.handlers) == [base, f"{base}#2"]


def test_a_step_and_an_answer_go_together() -> None:
    @voice.answer()
    def first(call: Event) -> None:
        """Do nothing."""

    @voice.collect("menu")
    def second(call: Event) -> None:
        """Do nothing."""

    assert list(registry_of(first, second).calls) == [None, "menu"]


def test_a_function_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one_module.py").write_text("from ringback import on\n@on('*')\ndef f(event): ...\n")
    (tmp_path / "other_module.py").write_text("from one_module import f\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(load_registry(["one_module", "other_module"]).handlers) == ["one_module.f"]
