"""Handlers: what a declaration accepts, which events it wants, and what is refused before anything starts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from ringback import on, voice
from ringback.schemas.address import parse_address
from ringback.schemas.event_data import SendStatus, Status
from ringback.schemas.events import CallIncomingEvent, CallInputEvent, Event
from ringback.wire.samples import find
from ringback.workers.discovery import load_registry
from ringback.workers.marks import HandlerError
from ringback.workers.registry import Registry
from tests.support.sample_events import PLACED, SENT, event_of


def registry_of(*functions: Callable[..., object]) -> Registry:
    registry = Registry()
    for function in functions:
        registry.add(function)
    return registry


DLR = event_of(find("mocean/delivery-report"), {"mocean-dlr-status": "2"})
SMS = event_of(
    find("mocean/inbound-sms"), {"mocean-keyword": "HELP", "mocean-from": "60123456789", "mocean-to": "63001"}
)
LONG_SMS = event_of(find("mycoolsms/inbound-sms"), {"smscount": "2"})
CALL = event_of(find("mocean/voice/answer"), {"mocean-from": "60123456789", "mocean-to": "60312345678"})
DIGITS = event_of(find("mocean/voice/collect"), {"mocean-digits": ""})
HANGUP = event_of(find("mocean/voice/status"), {"mocean-status": "HANGUP"})


@pytest.mark.parametrize(
    ("declared", "event", "advanced", "wanted"),
    [
        pytest.param(on("message.status"), DLR, True, True, id="type"),
        pytest.param(on("message.status"), SMS, None, False, id="another type"),
        pytest.param(on("message.received", "message.status"), SMS, None, True, id="one of two types"),
        pytest.param(on("*"), SMS, None, True, id="every type"),
        pytest.param(on("*"), SENT, None, False, id="every type, a message.sent"),
        pytest.param(on("*"), PLACED, None, False, id="every type, a call.placed"),
        pytest.param(on("*", "message.sent"), SENT, None, True, id="every type and message.sent"),
        pytest.param(on("*", "message.sent"), SMS, None, True, id="every type and message.sent, another"),
        pytest.param(on("*", "message.sent"), PLACED, None, False, id="every type and message.sent, a call.placed"),
        pytest.param(on("message.sent", "call.placed"), PLACED, None, True, id="both types of sends"),
        pytest.param(on("message.status", status="failed"), DLR, True, True, id="field"),
        pytest.param(on("message.status", status="sent"), DLR, True, False, id="another value"),
        pytest.param(on("message.status", status=["sent", "failed"]), DLR, True, True, id="one of several values"),
        pytest.param(on("message.received", keyword="HELP", channel="sms"), SMS, None, True, id="two fields"),
        pytest.param(on("message.received", keyword="HELP", channel="whatsapp"), SMS, None, False, id="one does not"),
        pytest.param(on("message.status", status=Status.FAILED), DLR, True, True, id="an enum's member"),
        pytest.param(on("message.status", status={Status.FAILED, "sent"}), DLR, True, True, id="a set with both"),
        pytest.param(on("message.status", "lookup.completed", status="failed"), DLR, True, True, id="of both types"),
        pytest.param(on("message.status", "lookup.completed", status=["ok", "failed"]), DLR, True, True,
                     id="one value of each type"),
        pytest.param(on("message.status", "lookup.completed", status="ok"), DLR, True, False, id="of the other type"),
        pytest.param(on("call.status", status="hangup"), HANGUP, None, True, id="an open list"),
        pytest.param(on("call.status", status="of-tomorrow"), HANGUP, None, False, id="an open list, a new value"),
        pytest.param(on("message.received", recipient="63001"), SMS, None, True, id="a short code"),
        pytest.param(on("message.received", recipient="63002"), SMS, None, False, id="another short code"),
        pytest.param(on("message.received", sender="+60123456789"), SMS, None, True, id="a number"),
        pytest.param(on("message.received", sender="+60 12-345 6789"), SMS, None, True, id="a number as people write"),
        pytest.param(on("message.received", sender="0060123456789"), SMS, None, True, id="a number after 00"),
        pytest.param(on("message.received", sender=["63009", "60123456789"]), SMS, None, True, id="one of two numbers"),
        pytest.param(on("message.received", sender=parse_address("+60123456789")), SMS, None, True, id="an Address"),
        pytest.param(on("message.received", sender=None), SMS, None, False, id="no sender, of one who has"),
        pytest.param(on("message.received", sender_name=None), SMS, None, True, id="null"),
        pytest.param(on("call.incoming", caller="60123456789", callee="+60 3 1234 5678"), CALL, None, True, id="both"),
        pytest.param(on("call.incoming", caller="60123456780"), CALL, None, False, id="another caller"),
        pytest.param(on("call.input", no_input=True), DIGITS, None, True, id="true"),
        pytest.param(on("call.input", no_input=False), DIGITS, None, False, id="false"),
        pytest.param(on("message.status", final=True), DLR, True, True, id="final"),
        pytest.param(on("message.received", segments=2), LONG_SMS, None, True, id="a number of segments"),
        pytest.param(on("message.received", segments=[1, 3]), LONG_SMS, None, False, id="other numbers of segments"),
        pytest.param(on("message.received", segments=2), SMS, None, False, id="a number, where there is none"),
        pytest.param(on("message.sent", status="accepted"), SENT, None, True, id="what became of a message"),
        pytest.param(on("message.sent", status=["refused", SendStatus.IN_DOUBT]), SENT, None, False, id="two others"),
        pytest.param(on("message.sent", recipient="+60 12-345 6789", sender="63001"), SENT, None, True, id="both ends"),
        pytest.param(on("message.sent", recipient="60123456780"), SENT, None, False, id="another recipient"),
        pytest.param(on("message.sent", channel="sms", segments=2), SENT, None, True, id="channel and segments"),
        pytest.param(on("message.sent", channel="whatsapp"), SENT, None, False, id="another channel"),
        pytest.param(on("message.sent", ref="j7q2m5xwpz3kd4ta"), SENT, None, True, id="who sent"),
        pytest.param(on("message.sent", "call.placed", status="refused"), PLACED, None, True, id="refused, of both"),
        pytest.param(on("message.sent", "message.status", status=["refused", "failed"]), DLR, True, True,
                     id="whatever failed, the report"),
        pytest.param(on("call.placed", callee="0060123456789", caller="60312345678"), PLACED, None, True,
                     id="both ends of a placed call"),
        pytest.param(on("call.placed", caller=None), PLACED, None, False, id="a placed call without a caller"),
        pytest.param(on("message.received", when=lambda event: event.account == "acme"), SMS, None, True, id="when"),
        pytest.param(on("message.received", when=lambda _: False), SMS, None, False, id="when not"),
        pytest.param(on("message.status", advanced=True), DLR, True, True, id="advanced"),
        pytest.param(on("message.status", advanced=True), DLR, False, False, id="not advanced"),
        pytest.param(on("message.status", advanced=False), DLR, False, True, id="only what came late"),
    ],
)  # fmt: skip
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


FACTORY = "def forward_to(target):\n    @on('*')\n    def send(event): ...\n    return send\n"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        pytest.param(
            "@on('message.read')\ndef f(event): ...",
            "f ({file}, line 2): 'message.read' is no type of event;"
            " use message.received, message.status, lookup.completed, call.incoming, call.input, call.status,"
            " message.sent, call.placed or *",
            id="unknown type",
        ),
        pytest.param(
            "@on()\ndef f(event): ...",
            "f ({file}, line 2): @on needs a type of event; use message.received,"
            " message.status, lookup.completed, call.incoming, call.input, call.status, message.sent, call.placed or *",
            id="no type",
        ),
        pytest.param(
            "@on('*', 'message.read')\ndef f(event): ...",
            "f ({file}, line 2): 'message.read' is no type of event; use message.received",
            id="unknown type beside every type",
        ),
        pytest.param(
            "@on('message.sent', status='delivered')\ndef f(event): ...",
            "f ({file}, line 2): status='delivered' never matches: it is for message.status; write one of accepted,"
            " refused, in_doubt, expired",
            id="a status of message.status for a message.sent",
        ),
        pytest.param(
            "@on('message.status', status='refused')\ndef f(event): ...",
            "f ({file}, line 2): status='refused' never matches: it is for message.sent, call.placed; write one of"
            " queued, sent",
            id="a status of message.sent for a message.status",
        ),
        pytest.param(
            "@on('message.sent', status='in doubt')\ndef f(event): ...",
            "f ({file}, line 2): status='in doubt' never matches; write 'in_doubt', or else one of accepted",
            id="a status of message.sent, misspelt",
        ),
        pytest.param(
            "@on('message.sent', recipient=None)\ndef f(event): ...",
            "f ({file}, line 2): recipient=None never matches: each event of these types has a recipient",
            id="a message.sent without a recipient",
        ),
        pytest.param(
            "@on('message.sent', callee='60123456789')\ndef f(event): ...",
            "f ({file}, line 2): message.sent has no field 'callee'; it has cause, channel, context, cost, error,"
            " flags, handler, message_id, raw, recipient, ref, segments, sender, status",
            id="a field of call.placed for a message.sent",
        ),
        pytest.param(
            "@on('call.placed', callee='12')\ndef f(event): ...",
            "f ({file}, line 2): callee='12' is no phone number",
            id="a callee that is no number",
        ),
        pytest.param(
            "@on('message.sent', error=None)\ndef f(event): ...",
            "f ({file}, line 2): error=… cannot be compared; write when=lambda event: event.data.error … instead",
            id="the error of a message.sent",
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
            "@on('*', concurrency=0)\ndef f(event): ...",
            "f ({file}, line 2): concurrency=0 must be a whole number from 1",
            id="none side by side",
        ),
        pytest.param(
            "@on('*', concurrency=True)\ndef f(event): ...",
            "f ({file}, line 2): concurrency=True must be a whole number from 1",
            id="a concurrency that is no number",
        ),
        pytest.param(
            "@lifespan\ndef f(): ...",
            "f ({file}, line 2): @lifespan is for a function that opens, yields once what it opened, and closes",
            id="a lifespan without a yield",
        ),
        pytest.param(
            "@lifespan\nasync def f(): return 1",
            "f ({file}, line 2): @lifespan is for a function that opens, yields once what it opened, and closes",
            id="an async one",
        ),
        pytest.param(
            "@lifespan()\ndef f(): yield", "write @lifespan without parentheses", id="a lifespan with parentheses"
        ),
        pytest.param(
            "@lifespan\ndef f(registry): yield",
            "f ({file}, line 2): @lifespan calls it with nothing; take its parameters out",
            id="a lifespan that takes something",
        ),
        pytest.param(
            "class Pool:\n    @lifespan\n    def f(self): yield",
            "Pool.f ({file}, line 3): @lifespan(…) is not for the methods of a class, which nobody calls; take the "
            "function out of the class",
            id="a lifespan that is a method",
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
            "g ({file}, line 4): a new call can also be for f ({file}, line 2);"
            " keep one, or tell them apart by callee=, caller= or otherwise=True",
            id="two that answer",
        ),
        pytest.param(
            "@voice.collect('a')\ndef f(call): ...\n@voice.collect('a')\ndef g(call): ...",
            "g ({file}, line 4): the step 'a' can also be for f ({file}, line 2);"
            " keep one, or tell them apart by digits=, callee=, caller= or otherwise=True",
            id="two for one step",
        ),
        pytest.param(
            "@voice.answer\ndef f(call): ...",
            "f ({file}, line 2): write @voice.answer(…) with parentheses",
            id="answer without parentheses",
        ),
        pytest.param(
            "@voice.collect\ndef f(call): ...",
            "f ({file}, line 2): write @voice.collect(…) with parentheses",
            id="collect without parentheses",
        ),
        pytest.param(
            "@voice.collect('the menu')\ndef f(call): ...",
            "f ({file}, line 2): the step 'the menu' may only have letters, digits and _ . ~ -",
            id="a step that is no part of a path",
        ),
        pytest.param(
            "@voice.answer(callee='+0')\ndef f(call): ...",
            "f ({file}, line 2): callee='+0' is no phone number; write it with its country code",
            id="no phone number",
        ),
        pytest.param(
            "@voice.answer(caller=[])\ndef f(call): ...",
            "f ({file}, line 2): caller=… is empty, so that no call would fit",
            id="no caller at all",
        ),
        pytest.param(
            "@voice.collect('a', digits=[1, '2'])\ndef f(call): ...",
            "f ({file}, line 2): digits=[1, '2'] must be text, or a list of texts",
            id="digits as a number",
        ),
        pytest.param(
            "@voice.collect('a', digits='one')\ndef f(call): ...",
            "f ({file}, line 2): digits='one' is nothing that one can press",
            id="digits as a word",
        ),
        pytest.param(
            "@voice.answer(callee='63001', otherwise=True)\ndef f(call): ...",
            "f ({file}, line 2): otherwise=True takes the calls that no other handler wants;"
            " it has no filter beside it",
            id="otherwise with a filter",
        ),
        pytest.param(
            "@on('*')\ndef f(event):\n    yield",
            "f ({file}, line 2): it has a yield, so that calling it runs nothing; take that out",
            id="an event handler with a yield",
        ),
        pytest.param(
            "class Greeter:\n    @on('*')\n    def greet(self, event): ...",
            "Greeter.greet ({file}, line 3): @on(…) is not for the methods of a class, which nobody calls; take the "
            "function out of the class",
            id="a method",
        ),
        pytest.param(
            "class Menu:\n    @staticmethod\n    @voice.answer()\n    def answer(call): ...",
            "Menu.answer ({file}, line 3): @voice.answer(…) is not for the methods of a class",
            id="a static method that answers",
        ),
        pytest.param("@on('*')\nclass Greeter: ...", "@on(…) takes a function, and <class", id="a class"),
        pytest.param(
            "@on\nclass Greeter: ...",
            "<class '{module}.Greeter'>: write @on(type of event, …) with the type in parentheses, in quotes",
            id="a class without parentheses",
        ),
        pytest.param(
            "@on('*', retry=5)\ndef f(event): ...",
            "f ({file}, line 2): retry=5 must be a list of whole seconds, such as [5, 60]",
            id="one retry",
        ),
        pytest.param(
            "@on('*', timeout='10')\ndef f(event): ...",
            "f ({file}, line 2): timeout='10' must be a number of seconds",
            id="a timeout in quotes",
        ),
        pytest.param(
            "@on('*', when='sms')\ndef f(event): ...",
            "f ({file}, line 2): when='sms' must be a function that takes the event",
            id="a condition that is none",
        ),
        pytest.param(
            "import sys\nsys.exit(3)",
            "{module} cannot be imported: it ends the program, sys.exit(3) ({folder}/{file}, line 3)",
            id="a module that ends the program",
        ),
        pytest.param(
            "class Own(BaseException): ...\nraise Own('why')",
            "{module} cannot be imported: Own: why ({folder}/{file}, line 3)",
            id="a module that raises what is no Exception",
        ),
        pytest.param(
            "@on('message.status', status='deliverd')\ndef f(event): ...",
            "f ({file}, line 2): status='deliverd' never matches; write 'delivered', or else one of queued, sent,"
            " delayed, expired, bounced, failed, read, unknown",
            id="a status with a letter less",
        ),
        pytest.param(
            "@on('message.status', status=['failed', 'BOUNCED'])\ndef f(event): ...",
            "f ({file}, line 2): status='BOUNCED' never matches; write 'bounced', or else one of",
            id="a status in capitals",
        ),
        pytest.param(
            "@on('call.status', status=['HANGUP', 'busy'])\ndef f(event): ...",
            "f ({file}, line 2): status='HANGUP' never matches: it is lower-cased; write 'hangup'",
            id="a provider's word as the provider writes it",
        ),
        pytest.param(
            "@on('message.received', channel='fax')\ndef f(event): ...",
            "f ({file}, line 2): channel='fax' never matches; write one of sms, whatsapp",
            id="a channel that is like no other",
        ),
        pytest.param(
            "@on('message.status', 'lookup.completed', status='okay')\ndef f(event): ...",
            "f ({file}, line 2): status='okay' never matches; write 'ok', or else one of queued, sent,",
            id="a value of neither type",
        ),
        pytest.param(
            "@on('message.status', status=1)\ndef f(event): ...",
            "f ({file}, line 2): status=1 must be text, in quotes",
            id="a status as a number",
        ),
        pytest.param(
            "@on('message.status', status=[])\ndef f(event): ...",
            "f ({file}, line 2): status=[] is empty, so that no event would match",
            id="no status at all",
        ),
        pytest.param(
            "@on('message.status', status=None)\ndef f(event): ...",
            "f ({file}, line 2): status=None never matches: each event of these types has a status",
            id="null where there is always a value",
        ),
        pytest.param(
            "@on('message.received', recipient=63001)\ndef f(event): ...",
            "f ({file}, line 2): recipient=63001 must be text, in quotes",
            id="an address as a number",
        ),
        pytest.param(
            "@on('message.received', recipient=['63001', '+0'])\ndef f(event): ...",
            "f ({file}, line 2): recipient='+0' is no phone number; write it with its country code",
            id="an address that is none",
        ),
        pytest.param(
            "@on('message.received', segments='2')\ndef f(event): ...",
            "f ({file}, line 2): segments='2' must be a whole number",
            id="segments in quotes",
        ),
        pytest.param(
            "@on('message.received', segments=True)\ndef f(event): ...",
            "f ({file}, line 2): segments=True must be a whole number",
            id="segments as true",
        ),
        pytest.param(
            "@on('message.status', final=1)\ndef f(event): ...",
            "f ({file}, line 2): final=1 must be True or False",
            id="true as a number",
        ),
        pytest.param(
            "@on('message.received', keyword=5)\ndef f(event): ...",
            "f ({file}, line 2): keyword=5 must be text, in quotes",
            id="a text as a number",
        ),
        *(
            pytest.param(
                f"@on('{kind}', {field}='x')\ndef f(event): ...",
                f"f ({{file}}, line 2): {field}=… cannot be compared; write when=lambda event: event.data.{field} …",
                id=f"a field that cannot be compared: {field}",
            )
            for kind, field in (
                ("message.received", "content"),
                ("*", "context"),
                ("*", "raw"),
                ("*", "flags"),
                ("message.status", "error"),
                ("message.received", "cost"),
                ("lookup.completed", "current_carrier"),
                ("message.status", "conversation"),
            )
        ),
        pytest.param(
            "async def late(event): ...\n@on('*', when=late)\ndef f(event): ...",
            "f ({file}, line 3): when=<function late at ",
            id="a condition that is async",
        ),
        pytest.param(
            "@on('message.status', advanced='yes')\ndef f(event): ...",
            "f ({file}, line 2): advanced='yes' must be True or False",
            id="advanced in words",
        ),
        pytest.param(
            FACTORY + "crm = forward_to('crm')\nbilling = forward_to('billing')",
            "forward_to.<locals>.send ({file}, line 3, from {file}, line 7): its name {module}.forward_to.<locals>.send"
            " is also the name of forward_to.<locals>.send ({file}, line 3, from {file}, line 6); give each its own"
            " with name=…, such as name='send-2'",
            id="two of one factory",
        ),
        pytest.param(
            "def logged(function):\n    def wrapper(event): function(event)\n    return wrapper\n"
            "@on('message.received')\n@logged\ndef greet(event): ...\n"
            "@on('message.status')\n@logged\ndef alert(event): ...",
            "logged.<locals>.wrapper ({file}, line 3, from {file}, line 8): its name"
            " {module}.logged.<locals>.wrapper is also the name of logged.<locals>.wrapper ({file}, line 3, from"
            " {file}, line 5); give each",
            id="two that a decorator without functools.wraps has wrapped",
        ),
        pytest.param(
            "def at(step):\n    @voice.collect(step)\n    def menu(call): ...\n    return menu\n"
            "a = at('a')\nb = at('b')",
            "at.<locals>.menu ({file}, line 3, from {file}, line 7): its name {module}.at.<locals>.menu is"
            " also the name of at.<locals>.menu ({file}, line 3, from {file}, line 6); give each its own",
            id="two of one factory that answer calls",
        ),
        pytest.param(
            "@on('*', name='greet')\ndef f(event): ...\n@voice.answer(name='greet')\ndef g(call): ...",
            "g ({file}, line 4): its name greet is also the name of f ({file}, line 2); give each its own with name=…,"
            " such as name='greet-2'",
            id="one name of an event's handler and a call's",
        ),
        pytest.param(
            "@on('*', name='greet')\ndef f(event): ...\n@on('*', aliases=['greet'])\ndef g(event): ...",
            "g ({file}, line 4): its alias greet is also the name of f ({file}, line 2); keep one",
            id="an alias that is another's name",
        ),
        pytest.param(
            "@on('*', aliases=['greet'])\ndef f(event): ...\n@on('*', name='greet')\ndef g(event): ...",
            "g ({file}, line 4): its name greet is also an alias of f ({file}, line 2); give each its own",
            id="a name that is another's alias",
        ),
        pytest.param(
            "@on('*', aliases=['old.f'])\ndef f(event): ...\n@on('*', aliases=['old.f'])\ndef g(event): ...",
            "g ({file}, line 4): its alias old.f is also an alias of f ({file}, line 2); keep one",
            id="one alias of two",
        ),
        pytest.param(
            "@on('*', name='send to crm')\ndef f(event): ...",
            "f ({file}, line 2): name='send to crm' must be text of up to 100 letters, digits and . _ : -"
            " that begins with a letter; write name='send-to-crm'",
            id="a name with spaces",
        ),
        pytest.param(
            "@on('*', name='-')\ndef f(event): ...",
            "f ({file}, line 2): name='-' must be text of up to 100 letters, digits and . _ : - that begins with a"
            " letter; write name='greet'",
            id="a name without a letter",
        ),
        pytest.param(
            "@on('*', name='x' * 101)\ndef f(event): ...",
            "f ({file}, line 2): name='" + "x" * 101 + "' must be text of up to 100 letters",
            id="a name that is too long",
        ),
        pytest.param(
            "@voice.collect('a', name=7)\ndef f(call): ...",
            "f ({file}, line 2): name=7 must be text of up to 100 letters",
            id="a number as a name",
        ),
        pytest.param(
            "@on('*', aliases='old.f')\ndef f(event): ...",
            "f ({file}, line 2): aliases='old.f' must be a list of earlier names, such as aliases=['sms.greet']",
            id="one alias",
        ),
        pytest.param(
            "@on('*', aliases=['old f'])\ndef f(event): ...",
            "f ({file}, line 2): aliases: 'old f' was never a handler's name; write it as `ringback dead ls` shows it",
            id="an alias with a space",
        ),
        pytest.param(
            "@on('*', aliases=['-'])\ndef f(event): ...",
            "f ({file}, line 2): aliases: '-' was never a handler's name",
            id="what stands in place of a handler, as an alias",
        ),
        pytest.param(
            "def greet(event): ...",
            "{module} has no handlers ({folder}/{file}); write @on(type of event, …) or @voice.answer() above a "
            "function there",
            id="no handlers",
        ),
    ],
)
def test_what_is_refused_at_the_start(
    source: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    name = f"refused_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(f"from ringback import lifespan, on, voice\n{source}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(HandlerError) as raised:
        load_registry([name])
    assert (
        str(raised.value)
        .removeprefix("RINGBACK_HANDLERS: ")
        .removeprefix(f"{name}: ")
        .startswith(error.format(file=f"{name}.py", module=name, folder=tmp_path))
    )
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        pytest.param("handlers.py", '"handlers.py" is not the name of a module; write handlers', id="a file"),
        pytest.param("./handlers", '"./handlers" is not the name of a module; write handlers', id="a path"),
        pytest.param("./app/sms.py", '"./app/sms.py" is not the name of a module; write app.sms', id="a deeper path"),
        pytest.param("handlers:greet", '"handlers:greet" is not the name of a module; write handlers', id="a function"),
        pytest.param(".handlers", '".handlers" is not the name of a module; write handlers', id="relative"),
        pytest.param("a b", '"a b" is not the name of a module; write one such as handlers', id="two words"),
        pytest.param("no_such", 'there is no module "no_such" in', id="nothing"),
        pytest.param("json", "json is Python's own and has no handlers; name your module, and", id="stdlib"),
        pytest.param("ringback.workers", "ringback.workers is Ringback's own and has no handlers", id="ours"),
        pytest.param("ringback.schemas.keys", "ringback.schemas.keys is Ringback's own", id="in ours"),
        pytest.param("parcel", "parcel is a package, and its __init__.py has no handlers; name the modules in it, such "
                     "as parcel.sms", id="a package"),
    ],
)  # fmt: skip
def test_what_is_no_module_of_handlers(name: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parcel").mkdir()
    (tmp_path / "parcel" / "__init__.py").write_text("")
    (tmp_path / "handlers.py").write_text("from ringback import on\n@on('*')\ndef f(event): ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(HandlerError) as raised:
        load_registry([name])
    assert str(raised.value).startswith(f"RINGBACK_HANDLERS: {error}")
    assert "\n" not in str(raised.value)


def test_a_file_with_a_hyphen_is_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my-handlers.py").write_text("from ringback import on\n@on('*')\ndef f(event): ...\n")
    monkeypatch.chdir(tmp_path)
    assert list(load_registry(["my-handlers"]).handlers) == ["my-handlers.f"]


def test_one_function_for_two_subscriptions() -> None:
    @on("message.received", channel="whatsapp")
    @on("message.status", status="failed")
    def handle(event: Event) -> None:
        """Do nothing."""

    registry = registry_of(handle)
    base = f"{__name__}.test_one_function_for_two_subscriptions.<locals>.handle"
    assert list(registry.handlers) == [base, f"{base}#2"]


@pytest.mark.parametrize(
    ("source", "handlers", "aliases"),
    [
        pytest.param("@on('*', name='greet')\ndef f(event): ...", ["greet"], {}, id="a name"),
        pytest.param("@voice.answer(name='menu')\ndef f(call): ...", ["menu"], {}, id="of one that answers"),
        pytest.param("@voice.collect('a', name='menu')\ndef f(call): ...", ["menu"], {}, id="of one of a step"),
        pytest.param("@on('*', name='grüße:sms-2.a_b')\ndef f(event): ...", ["grüße:sms-2.a_b"], {}, id="any letters"),
        pytest.param(
            "@on('*', aliases=['old.f', 'old.make.<locals>.f#2'])\ndef f(event): ...",
            ["{module}.f"],
            {"old.f": "{module}.f", "old.make.<locals>.f#2": "{module}.f"},
            id="aliases",
        ),
        pytest.param("@on('*', name='a', aliases=['a', 'b', 'b'])\ndef f(event): ...", ["a"], {"b": "a"}, id="itself"),
        pytest.param(
            "@on('*', name='a')\n@on('message.status')\ndef f(event): ...", ["{module}.f", "a"], {}, id="one of two"
        ),
        pytest.param(
            FACTORY.replace("'*'", "'*', name=target") + "crm = forward_to('crm')\nbilling = forward_to('billing')",
            ["crm", "billing"],
            {},
            id="two of one factory",
        ),
        pytest.param(
            "@on('*')\ndef send(event): ...\n" + FACTORY + "crm = forward_to('crm')",
            ["{module}.send", "{module}.forward_to.<locals>.send"],
            {},
            id="a factory's function is called as another function",
        ),
    ],
)
def test_what_a_handler_is_called(
    source: str,
    handlers: list[str],
    aliases: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    name = f"named_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(f"from ringback import lifespan, on, voice\n{source}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = load_registry([name])
    assert [*registry.handlers, *registry.calls] == [one.format(module=name) for one in handlers]
    assert registry.aliases == {old: present.format(module=name) for old, present in aliases.items()}
    found = {old: registry.find(old) for old in [*registry.handlers, *registry.aliases]}
    assert {old: one and one.name for old, one in found.items()} == {
        **{one: one for one in registry.handlers},
        **registry.aliases,
    }
    assert registry.find("no.such") is None


Declared = Callable[[Callable[..., object]], Callable[..., object]]


def phone(*declared: Declared) -> Registry:
    """Give a registry of voice handlers that are called after their place in the list."""
    registry = Registry()
    for number, declare in enumerate(declared):

        def handle(call: voice.Incoming | voice.Input) -> None:
            """Do nothing."""

        handle.__qualname__ = str(number)
        registry.add(declare(handle))
    return registry


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(voice.answer(), voice.collect("menu"), id="a call and a step"),
        pytest.param(voice.collect("a"), voice.collect("b"), id="two steps"),
        pytest.param(voice.collect(), voice.collect("a"), id="no step and a step"),
        pytest.param(voice.answer(callee="60312345678"), voice.answer(callee="60312345679"), id="two callees"),
        pytest.param(voice.answer(callee="60312345678"), voice.answer(otherwise=True), id="one callee, and the others"),
        pytest.param(voice.answer(caller=["63001", "63002"]), voice.answer(caller="63003"), id="lists of callers"),
        pytest.param(
            voice.answer(callee="63001", caller="60123456789"),
            voice.answer(callee="63001", caller="60123456788"),
            id="one of two filters tells them apart",
        ),
        pytest.param(voice.collect("a", digits="1"), voice.collect("a", digits=["2", "", "*"]), id="digits"),
        pytest.param(voice.collect("a", digits="1"), voice.collect("a", otherwise=True), id="a digit, and the others"),
        pytest.param(voice.answer(otherwise=True), voice.collect("a", otherwise=True), id="the others, of two kinds"),
    ],
)
def test_voice_handlers_that_go_together(one: Declared, other: Declared) -> None:
    assert len(phone(one, other).calls) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(voice.answer(), voice.answer(), id="no filter"),
        pytest.param(voice.answer(), voice.answer(callee="63001"), id="a filter beside none"),
        pytest.param(voice.answer(), voice.answer(otherwise=True), id="the others, where all are taken"),
        pytest.param(voice.answer(otherwise=True), voice.answer(otherwise=True), id="the others twice"),
        pytest.param(voice.answer(callee="60312345678"), voice.answer(callee="+60 3-1234 5678"), id="two spellings"),
        pytest.param(voice.answer(callee="63001"), voice.answer(caller="63002"), id="different filters"),
        pytest.param(voice.collect("a", digits=["1", "2"]), voice.collect("a", digits=["2", "3"]), id="one in common"),
    ],
)
def test_voice_handlers_that_overlap(one: Declared, other: Declared) -> None:
    for pair in ((one, other), (other, one)):
        with pytest.raises(HandlerError, match=r"can also be for 0 \(test_registry.py, line \d+\); keep one"):
            phone(*pair)


FLOW = (
    voice.answer(callee=["60312345678", "63001"]),
    voice.answer(callee="+60 3-1234 5679", caller="60123456789"),
    voice.answer(otherwise=True),
    voice.collect("menu", digits="1"),
    voice.collect("menu", digits=""),
    voice.collect("exact", digits="12"),
)


@pytest.mark.parametrize(
    ("sample", "fields", "step", "answers"),
    [
        pytest.param("answer", {"mocean-to": "60312345678"}, None, "0", id="callee"),
        pytest.param("answer", {"mocean-to": "+60 3 1234 5678"}, None, "0", id="callee in another spelling"),
        pytest.param("answer", {"mocean-to": "63001"}, None, "0", id="another callee of the list"),
        pytest.param(
            "answer", {"mocean-to": "60312345679", "mocean-from": "60123456789"}, None, "1", id="callee and caller"
        ),
        pytest.param("answer", {"mocean-to": "60312345679", "mocean-from": "63009"}, None, "2", id="another caller"),
        pytest.param("answer", {"mocean-to": ""}, None, "2", id="no callee"),
        pytest.param("collect", {"mocean-digits": "1"}, "menu", "3", id="digits"),
        pytest.param("collect", {"mocean-digits": ""}, "menu", "4", id="no input"),
        pytest.param("collect", {"mocean-digits": "9"}, "menu", None, id="digits that nobody takes"),
        pytest.param("collect", {"mocean-digits": "1"}, "exact", None, id="a part of the digits"),
        pytest.param("collect", {"mocean-digits": "1"}, "attic", None, id="a step that nobody takes"),
        pytest.param("collect", {"mocean-digits": "1"}, None, None, id="no step"),
    ],
)
def test_who_answers_a_call(sample: str, fields: dict[str, str], step: str | None, answers: str | None) -> None:
    event = event_of(find(f"mocean/voice/{sample}"), fields)
    assert isinstance(event, CallIncomingEvent | CallInputEvent)
    if isinstance(event, CallInputEvent):
        event = replace(event, data=replace(event.data, step=step))
    handler = phone(*FLOW).answering(event)
    assert (handler and handler.name.rpartition(".")[2]) == answers


def test_a_function_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one_module.py").write_text("from ringback import on\n@on('*')\ndef f(event): ...\n")
    (tmp_path / "other_module.py").write_text("from one_module import f\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(load_registry(["one_module", "other_module"]).handlers) == ["one_module.f"]
