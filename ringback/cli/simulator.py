"""Commands for the simulator of both providers: simulate, and sim text, call, press, inbox, fail."""

import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NoReturn

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table

from ringback.cli.options import AsJson, err, fail, found, out, print_json, refuse
from ringback.run.home import Home
from ringback.schemas.censor import Censor
from ringback.schemas.setting_types import Duration
from ringback.schemas.settings import Settings
from ringback.schemas.tokens import Token
from ringback.simulator.default_port import DEFAULT_PORT, HOST
from ringback.wire.hearing import KEYS, pressed

_DEFAULT_AT: Final = f"http://{HOST}:{DEFAULT_PORT}"
_ANSWER_S: Final = 60.0
_ASK_AGAIN_S: Final = 0.5
_FAULTS: Final = ("hang", "close", "502", "garbage", "throttle", "code")

At = Annotated[
    str | None,
    typer.Option("--at", metavar="URL", help=f"Where the simulator is; else that of `ringback up`, or {_DEFAULT_AT}."),
]
From = Annotated[str, typer.Option("--from", metavar="NUMBER", help="Whose phone.")]
OurNumber = Annotated[str, typer.Option("--to", metavar="NUMBER", help="Our number.")]
OfAccount = Annotated[str | None, typer.Option("--account", help="Whose token is used; else the first.")]

app = typer.Typer(
    help="Be the phones of a running `ringback up` without credentials, or `ringback simulate`.", no_args_is_help=True
)


def simulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen, on 127.0.0.1; 0: any free port.")] = (
        DEFAULT_PORT
    ),
    delay: Annotated[
        str, typer.Option(metavar="DURATION", help="How long a phone takes, 300ms for example.")
    ] = "300ms",
    seed: Annotated[int | None, typer.Option(help="Make the same ids and codes each time.")] = None,
    scale: Annotated[
        float, typer.Option(min=1.0, help="How many times faster than the clock callbacks are repeated.")
    ] = 60.0,
    fd: Annotated[int | None, typer.Option(hidden=True, help="Be that of `up`, on this inherited socket.")] = None,
    credit: Annotated[
        int | None, typer.Option(min=0, help="What an account has at each provider; else what a new one has.")
    ] = None,
) -> None:
    """Run both providers here: their requests, the callbacks that follow, phones. Nothing leaves this machine."""
    delay_s = _seconds(delay)
    settings = found()
    from ringback.receiver.http.listen import bind, inherit
    from ringback.simulator.control import SimulatorControl
    from ringback.simulator.delivering import Deliveries
    from ringback.simulator.mycoolsms.endpoint import MyCoolSmsEndpoint
    from ringback.simulator.serving import serve_simulator
    from ringback.simulator.simulated import create_app
    from ringback.simulator.world import World

    # The receiver of the same `up` is on this machine, whatever public URL leads to it.
    public = settings.base_url if fd is not None else ""
    with bind(HOST, port, "--port") if fd is None else inherit(fd) as bound:
        base = f"http://{HOST}:{bound.getsockname()[1]}"
        deliveries = Deliveries(scale=scale, delay_s=delay_s, public=public, local=settings.local_url)
        first = None if credit is None else Decimal(credit)
        world = World(deliveries, seed=seed, credit=first)
        mycoolsms = MyCoolSmsEndpoint(world)
        served = create_app(world, [*mycoolsms.routes, *SimulatorControl(world, mycoolsms).routes])
        if fd is None:
            _greet(base)
        try:
            serve_simulator(served, bound)
        except KeyboardInterrupt:  # uvicorn has stopped, and raises it again
            err.print("Stopped.")


@app.command("text")
def sim_text(
    text: Annotated[str, typer.Argument(help="What is written.")],
    channel: Annotated[Literal["sms", "whatsapp"], typer.Option(help="How it is sent.")] = "sms",
    provider: Annotated[Literal["mocean", "mycoolsms"], typer.Option(help="Whose number is written to.")] = "mocean",
    sender: From = "60123456789",
    recipient: OurNumber = "60312345678",
    reply_to: Annotated[str | None, typer.Option(metavar="ID", help="WhatsApp: the message that it answers.")] = None,
    names_sender: Annotated[
        bool, typer.Option("--names-sender", help="WhatsApp: with the sender, which is not documented.")
    ] = False,
    is_lost: Annotated[
        bool, typer.Option("--lost", help="My-Cool-SMS: its callback does not come; it is only listed.")
    ] = False,
    account: OfAccount = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Write to Ringback as a phone would (exit code 1: it was not taken)."""
    from ringback.simulator.writing import INBOUND_CALLBACK

    name = INBOUND_CALLBACK.get((provider, channel))
    if name is None:
        refuse(f"--channel {channel}: {provider} has no such messages; write sms")
    if is_lost:
        if provider != "mycoolsms":
            refuse(f"--lost: {provider} lists no messages to ask for; write --provider mycoolsms")
        answer = _ask(at, "POST", "listed", {"text": text, "from": sender, "to": recipient})
        if as_json:
            print_json(answer)
        else:
            out.print(f"listed as {answer['last']}; no callback", soft_wrap=True)
        return
    settings = found()
    token = _token(settings, account)
    order = {
        "url": _local(settings, settings.callback_url(name, token)),
        "text": text,
        "provider": provider,
        "channel": channel,
        "from": sender,
        "to": recipient,
        "reply_to": reply_to,
        "names_sender": names_sender,
    }
    answer = _ask(at, "POST", "receive", order)
    if as_json:
        print_json(answer)
    else:
        tried = answer["tries"][-1]
        out.print(f"{answer['callback']}: {tried['status'] or tried['error']}, {answer['state']}", soft_wrap=True)
        if channel == "whatsapp" and not names_sender and reply_to is None:
            err.print("It names no sender, as Mocean's document has none; --names-sender is with one.")
    if answer["state"] != "accepted":
        raise typer.Exit(1)


@app.command("call")
def sim_call(
    caller: From = "60123456789",
    callee: OurNumber = "60312345678",
    digits: Annotated[
        str | None, typer.Option("--digits", metavar="D,D…", help="What is pressed at each collect.")
    ] = None,
    account: OfAccount = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Call Ringback as a phone would, press digits, and print what is heard."""
    settings = found()
    token = _token(settings, account)
    order = {
        "at": settings.local_url,
        "public": settings.base_url,
        "token": token.secret.get_secret_value() if token else None,
        "from": caller,
        "to": callee,
        "digits": _digits(digits),
    }
    answer = _ask(at, "POST", "call", order)
    if as_json:
        print_json(answer)
        return
    for turn in answer["turns"]:
        if turn["digits"] is not None:
            out.print(pressed([turn["digits"]]), style="bold")
        for heard in turn["heard"]:
            out.print(f"  {heard}", soft_wrap=True)


@app.command("press")
def sim_press(
    number: Annotated[str, typer.Argument(help="The phone.")],
    digits: Annotated[str, typer.Argument(metavar="D,D…", help="What is pressed at each collect.")],
    at: At = None,
) -> None:
    """Plan what a phone presses in the next call that we make to it."""
    _ask(at, "POST", "digits", {"to": number, "digits": _digits(digits)})
    err.print("Planned.")


@app.command("inbox")
def sim_inbox(
    number: Annotated[str | None, typer.Argument(help="Only this phone.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print what comes, until Ctrl-C.")] = False,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Print what phones got. With --follow and --json each message is a document of one line."""
    answer = _messages(at, number, 0)
    if not follow:
        if as_json:
            print_json(answer["messages"])
            return
        table = Table("to", "from", "channel", "text", box=None)
        for one in answer["messages"]:
            table.add_row(one["to"], one["from"], one["channel"], _text(one))
        out.print(table)
        return
    err.print("Waiting for messages. Ctrl-C stops.")
    try:
        while True:
            for one in answer["messages"]:
                if as_json:
                    print_json(one, indent=None)
                else:
                    out.print(f"{one['to']}  {one['channel']} from {one['from']}: {_text(one)}", soft_wrap=True)
            time.sleep(_ASK_AGAIN_S)
            answer = _messages(at, number, answer["next"])
    except KeyboardInterrupt:
        return


@app.command("fail")
def sim_fail(
    operation: Annotated[
        str | None, typer.Argument(help="What fails: sms, voice/dial, sendSms, …, or * for all.")
    ] = None,
    fault: Annotated[str | None, typer.Argument(help=f"{', '.join(_FAULTS[:-1])} or a code's number.")] = None,
    number: Annotated[int, typer.Option("-n", min=1, help="How many requests.")] = 1,
    taken: Annotated[bool, typer.Option("--taken", help="What is asked for is done all the same.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Forget all planned faults.")] = False,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Plan that the next requests fail; without words, list what is planned."""
    if clear:
        _ask(at, "DELETE", "faults")
        return
    if operation is None:
        planned = _ask(at, "GET", "faults")["faults"]
        if as_json:
            print_json(planned)
            return
        table = Table("operation", "fault", "code", "left", box=None)
        for one in planned:
            table.add_row(one["operation"], one["fault"], str(one["code"] or ""), str(one["left"]))
        out.print(table)
        return
    order: dict[str, object] = {"operation": operation, "count": number, "taken": taken}
    if fault in _FAULTS[:-1]:
        order["fault"] = fault
    elif fault is not None and fault.isascii() and fault.isdigit():
        order |= {"fault": "code", "code": int(fault)}
    else:
        refuse(f"which fault? write {', '.join(_FAULTS[:-1])} or a code's number")
    planned_fault = _ask(at, "POST", "faults", order)
    if as_json:
        print_json(planned_fault)
    else:
        err.print(f"Planned: the next {number} of {operation}.")


def _greet(base: str) -> None:
    err.print(f"Mocean and My-Cool-SMS are simulated at {base}. Ctrl-C stops.", style="bold green")
    err.print("Set for whatever sends (any key, secret, name and password will do):")
    for line in (
        f"RINGBACK_MOCEAN_URL={base}/rest/2",
        f"RINGBACK_MYCOOLSMS_URL={base}/api-socket.php",
    ):
        out.print(line, soft_wrap=True)
    sys.stdout.flush()


def _messages(at: str | None, number: str | None, after: int) -> dict[str, Any]:
    query = {"after": str(after), **({"to": number} if number else {})}
    return _ask(at, "GET", "messages", query=query)


def _text(message: Mapping[str, Any]) -> str:
    content = message["content"]
    text = content.get("text") if isinstance(content, dict) else None
    return text if isinstance(text, str) else str(content)


def _ask(
    at: str | None, method: str, name: str, order: object = None, *, query: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Ask the simulator; end the command where it refuses or is not there."""
    import httpx

    at = at or Home(Settings.load().data_dir).simulator() or _DEFAULT_AT
    url = f"{at.rstrip('/')}/_sim/{name}"
    try:
        with httpx.Client(timeout=_ANSWER_S, trust_env=False) as client:
            response = client.request(method, url, params=query, json=order)
        answer: object = response.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        fail(
            f"no simulator answers at {at} ({type(error).__name__}); is `ringback up` running, without "
            "credentials, or `ringback simulate`?"
        )
    except ValueError:
        fail(f"what answers at {at} is no simulator")
    if not isinstance(answer, dict) or (response.is_error and "error" not in answer and "state" not in answer):
        fail(f"what answers at {at} is no simulator")
    if "error" in answer:
        _refused(response.status_code, str(answer["error"]))
    return answer


def _refused(status: int, why: str) -> NoReturn:
    if status == 400:
        refuse(why)
    fail(Censor(found().tokens).text(why))


def _token(settings: Settings, account: str | None) -> Token | None:
    if account is None:
        return next(iter(settings.tokens), None)
    token = settings.token_of(account)
    if token is None:
        names = ", ".join(dict.fromkeys(one.account for one in settings.tokens)) or "none"
        refuse(f'--account "{account}": RINGBACK_TOKENS has no such account; there are {names}')
    return token


def _local(settings: Settings, url: str) -> str:
    """Return a callback URL as it is reached from this machine."""
    return settings.local_url + url.removeprefix(settings.base_url)


def _digits(typed: str | None) -> list[str]:
    digits = [] if typed is None else [one.strip() for one in typed.split(",")]
    for one in digits:
        if set(one) - set(KEYS):
            refuse(f'digits "{one}": a phone has the keys 0-9, * and #; separate inputs by commas')
    return digits


def _seconds(typed: str) -> float:
    try:
        return TypeAdapter(Duration).validate_python(typed).total_seconds()
    except (ValidationError, OverflowError):
        refuse(f'--delay "{typed}": write a duration such as 300ms or 2s')
