"""Commands for those who write voice handlers: voice check and call."""

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ringback.cli.options import AsJson, err, fail, found, out, print_json, refuse
from ringback.schemas.mc_actions import Collect
from ringback.wire.hearing import KEYS, pressed, words
from ringback.workers.discovery import has_plugins, load_registry

if TYPE_CHECKING:
    from ringback.wire.phone import Turn

_ANSWER_S: Final = 30.0
_ENDS: Final = {
    "by the flow": "The flow has ended, and the call with it.",
    "by the caller": "The caller hangs up.",
    "elsewhere": "Someone else than Ringback is given the digits: the call ends here.",
}

app = typer.Typer(help="Walk through a voice flow, or play a call.", no_args_is_help=True)


@app.command("check")
def voice_check(
    flow: Annotated[
        str | None, typer.Argument(metavar="FLOW", help="A module, or several with commas; else RINGBACK_HANDLERS.")
    ] = None,
    steps: Annotated[
        list[str] | None, typer.Option("--step", metavar="STEP", help="Begin here too, as calls do that you make.")
    ] = None,
    inputs: Annotated[
        str | None, typer.Option("--digits", metavar="D,D…", help="Try these inputs too, a secret code for example.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw what callers hear, from each answer through each step, and name what is wrong (exit code 1).

    The handlers run, here and now: call.state is kept in memory, but what else they change they change for real. No
    Redis and no service is needed.
    """
    settings = found()
    from ringback.flow.outline import document, trees
    from ringback.flow.walk import walk

    modules = tuple(name.strip() for name in flow.split(",")) if flow else settings.handlers
    if not modules and not has_plugins():
        refuse("RINGBACK_HANDLERS: not set; write which flow, such as `ringback voice check examples.ivr`")
    registry = load_registry(modules)
    if not registry.calls:
        fail(f"no voice handler is in {', '.join(modules)}; `@voice.answer()` makes one")
    with redirect_stdout(sys.stderr):  # what a handler prints is no result of ours
        walked = walk(registry, settings, steps or (), _inputs(inputs))
    if as_json:
        print_json(document(walked))
    else:
        for tree in trees(walked):
            out.print(tree)
        for problem in walked.problems:
            out.print(str(problem), style="red", soft_wrap=True)
    err.print(f"{len(walked.problems)} problems in {walked.runs} runs of {len(registry.calls)} handlers.")
    if not walked.complete:
        err.print("Not all was followed: call.state keeps changing, so that the flow has no end of moments.")
    if walked.problems:
        raise typer.Exit(1)


@app.command("call")
def voice_call(
    caller: Annotated[str, typer.Option("--from", metavar="NUMBER", help="Who calls.")] = "60123456789",
    callee: Annotated[str, typer.Option("--to", metavar="NUMBER", help="The number that is called.")] = "60312345678",
    inputs: Annotated[
        str | None,
        typer.Option("--digits", metavar="D,D…", help="What is pressed at each collect; an empty one: nothing."),
    ] = None,
    account: Annotated[str | None, typer.Option("--account", help="Whose token is used; else the first.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="URL", help="Where the service is, if not here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a call to the running service, and print what the caller hears (exit code 1: the fallback, or no answer).

    When the digits have run out they are asked for, in a terminal; else the caller hangs up.
    """
    import httpx

    from ringback.wire.phone import PhoneCall, PhoneError, ServiceLine

    typed = iter(_inputs(inputs))
    settings = found()
    token = settings.token_of(account) if account else None
    if account and token is None:
        names = ", ".join(dict.fromkeys(one.account for one in settings.tokens)) or "none"
        refuse(f'--account "{account}": RINGBACK_TOKENS has no such account; there are {names}')
    with httpx.Client(timeout=_ANSWER_S) as client:
        line = ServiceLine.of(settings, client, token=token, at=at)
        call = PhoneCall(line, caller, callee)
        turns: list[Turn] = []

        def heard(turn: "Turn") -> None:
            turns.append(turn)
            if not as_json:
                _print_turn(turn)
            err.print(f"answered in {turn.seconds * 1000:.1f} ms")

        try:
            if not as_json:
                out.print(f"a call from {caller} to {callee}", style="bold")
            heard(call.ring())
            while call.asked is not None and not call.goes_elsewhere:
                keys = next(typed, None)
                if keys is None:
                    keys = _ask(call.asked)
                if keys is None:
                    break
                heard(call.press(keys))
            ended = "elsewhere" if call.goes_elsewhere else "by the caller" if call.asked else "by the flow"
            call.hang_up()
        except httpx.HTTPError as error:
            fail(f"no Ringback answers at {line.at} ({type(error).__name__}); is `ringback up` running?")
        except PhoneError as error:
            fail(str(error))
    unused = list(typed)
    if as_json:
        print_json(
            {
                "from": caller,
                "to": callee,
                "session": call.session,
                "turns": [turn.row() for turn in turns],
                "ended": ended,
                "unused": unused,
            }
        )
    else:
        out.print(_ENDS[ended], style="bold")
    if unused:
        err.print(f"Not used of --digits: {pressed(unused)}")
    if any(turn.is_fallback for turn in turns):
        raise typer.Exit(1)


def _print_turn(turn: "Turn") -> None:
    if turn.digits is not None:
        out.print(pressed([turn.digits]), style="bold")
    if turn.is_fallback:
        out.print("  the fallback: no handler answered; the log of the workers says why", style="red")
    for action in turn.heard:
        out.print(f"  {words(action)}", soft_wrap=True)


def _ask(asked: Collect) -> str | None:
    """Ask what is pressed, in a terminal; None where the caller hangs up."""
    if not sys.stdin.isatty():
        return None
    while True:
        err.print(f"{asked.min} to {asked.max} digits (Enter: nothing in time, Ctrl-D: hang up)? ", end="")
        try:
            typed = sys.stdin.readline()
        except KeyboardInterrupt:
            typed = ""
        if not typed:
            err.print()
            return None
        if not set(typed.strip()) - set(KEYS):
            return typed.strip()
        err.print("A phone has the keys 0-9, * and #.")


def _inputs(typed: str | None) -> list[str]:
    """Read inputs separated by commas; an empty one is none in time."""
    inputs = [] if typed is None else [one.strip() for one in typed.split(",")]
    for one in inputs:
        if set(one) - set(KEYS):
            refuse(f'--digits "{one}": a phone has the keys 0-9, * and #; separate inputs by commas')
    return inputs
