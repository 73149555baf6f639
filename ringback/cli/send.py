"""Commands that send: send sms, whatsapp, call. What the provider says of it goes to stdout, all else to stderr."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, NoReturn

import typer

from ringback.cli.options import AsJson, doubt, err, fail, found, out, pairs, print_json, refuse
from ringback.schemas.censor import Censor
from ringback.schemas.parts import Part, to_document
from ringback.schemas.settings import PREFIX

if TYPE_CHECKING:
    from ringback.clients.configured import Configured
    from ringback.clients.credentials import Access
    from ringback.clients.errors import SendError
    from ringback.clients.mocean.sms import Sent
    from ringback.clients.mocean.voice import Commands
    from ringback.clients.mycoolsms.sms import SentSms

app = typer.Typer(
    help="Send an SMS, a WhatsApp message or a call (exit code 3: it may have been sent).", no_args_is_help=True
)


class OfProvider(StrEnum):
    """Who is asked."""

    MOCEAN = "mocean"
    MYCOOLSMS = "mycoolsms"


To = Annotated[str, typer.Option("--to", metavar="NUMBER", help="Who gets it, with its country code.")]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="SENDER", help="Who sends it; else sms_from or whatsapp_from of the credentials."),
]
OfAccount = Annotated[
    str | None, typer.Option("--account", metavar="NAME", help="Whose credentials; else of the only account.")
]
ByProvider = Annotated[
    OfProvider | None, typer.Option("--provider", help="Who sends it; else Mocean, if it can.", show_choices=True)
]
Context = Annotated[
    list[str] | None,
    typer.Option("--context", metavar="NAME=VALUE", help="Comes back with the delivery report, as ctx.NAME."),
]


@app.command("sms")
def send_sms(
    text: Annotated[str, typer.Argument(help="What it says; - reads it from stdin.")],
    to: To,
    from_: From = None,
    account: OfAccount = None,
    provider: ByProvider = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Send an SMS, and print its message id."""
    with plainly():
        opened = open_account(account, provider)
        whose, sender, told = opened.access.account, from_ or opened.access.sms_from, pairs("--context", context or ())
        sent: Sent | SentSms
        if opened.access.provider == "mocean":
            from ringback.clients.mocean.client import Mocean

            sender = sender or _no_sender(opened, "sms_from")
            with Mocean.of(whose, opened.configured) as mocean:
                sent = mocean.sms(to=to, from_=sender, text=_text(text), context=told)
        else:
            from ringback.clients.mycoolsms.client import MyCoolSms

            with MyCoolSms.of(whose, opened.configured) as mycoolsms:
                sent = mycoolsms.sms(to=to, from_=sender, text=_text(text), context=told)
        _print_sent(opened, sent, sent.message_id, as_json=as_json)


@app.command("whatsapp")
def send_whatsapp(
    to: To,
    text: Annotated[
        str | None, typer.Argument(help="What it says; - reads it from stdin. Only to who has written within 24 hours.")
    ] = None,
    template: Annotated[str | None, typer.Option(metavar="NAME", help="Send this template instead of a text.")] = None,
    language: Annotated[str | None, typer.Option(metavar="CODE", help="The template's language, such as en.")] = None,
    body: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="Its variables, in their order.")] = None,
    from_: From = None,
    account: OfAccount = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Send a WhatsApp message by Mocean, a text or a template, and print its message id."""
    if (text is None) is (template is None):
        refuse("write a TEXT, or --template NAME --language CODE")
    if (template is None) is not (language is None) or (body and template is None):
        refuse("--language and --body go with --template NAME; it needs a language, such as --language en")
    with plainly():
        opened = open_account(account, OfProvider.MOCEAN)
        from ringback import wa
        from ringback.clients.mocean.client import Mocean

        try:
            content = (
                _text(text or "")
                if template is None or language is None
                else wa.template(template, language, body=body or ())
            )
        except wa.WaError as error:
            refuse(str(error))
        sender = from_ or opened.access.whatsapp_from or _no_sender(opened, "whatsapp_from")
        with Mocean.of(opened.access.account, opened.configured) as mocean:
            sent = mocean.whatsapp(to=to, from_=sender, content=content, context=pairs("--context", context or ()))
        _print_sent(opened, sent, sent.message_id, as_json=as_json)


@app.command("call")
def send_call(
    to: To,
    say: Annotated[str | None, typer.Option(metavar="TEXT", help="Say this, then hang up.")] = None,
    mc: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Follow this MC, a JSON array of actions.", dir_okay=False)
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="NUMBER", help="The number that calls.")] = None,
    account: OfAccount = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Call a number by Mocean, and print the call's id. What happens on it comes back as events."""
    if (say is None) is (mc is None):
        refuse("write --say TEXT or --mc FILE")
    with plainly():
        opened = open_account(account, OfProvider.MOCEAN)
        from ringback.clients.mocean.client import Mocean

        commands: Commands = _read_mc(mc) if mc else [{"action": "say", "text": say}]
        with Mocean.of(opened.access.account, opened.configured) as mocean:
            told = pairs("--context", context or ())
            dialled = mocean.call(to=to, commands=commands, from_=from_, context=told)
        _print_sent(opened, dialled, dialled.call_id, as_json=as_json)


class Opened(NamedTuple):
    """What is configured, and what of it a command uses."""

    configured: "Configured"
    access: "Access"


def open_account(account: str | None, provider: OfProvider | None) -> Opened:
    """Return what a command is to use. Raises SettingsError, NotConfiguredError."""
    from ringback.run.simulation import configured_here

    configured = configured_here(found())
    able = (*configured.providers(account), "mocean")
    return Opened(configured, configured.access(provider.value if provider else able[0], account))


@contextmanager
def plainly() -> Iterator[None]:
    """End a command in which a client raises: one line that says what went wrong, what was sent and what to do."""
    from ringback.clients.errors import SendError

    try:
        yield
    except SendError as error:
        raised = error
    else:
        return
    end(raised)


def end(error: "SendError") -> NoReturn:
    """End with what an error means: 2 where the words are wrong, 3 in doubt, else 1."""
    from ringback.clients.errors import InvalidRequestError

    if isinstance(error, InvalidRequestError):
        argument, _, reason = error.reason.partition(": ")
        refuse(f"{_TYPED.get(argument, argument)}: {reason}")
    line = said(error)
    if error.sent == "unknown":
        doubt(line)
    fail(line)


def said(error: "SendError") -> str:
    """Return an error in one line, with what to do about it."""
    advice = next((words for name, words in _ADVICE.items() if type(error).__name__ == name), "")
    return f"{error}{advice and f'; {advice}'}".replace("{PREFIX}", PREFIX + error.provider.upper())


_TYPED: Final[Mapping[str, str]] = {
    "to": "--to",
    "from_": "--from",
    "text": "TEXT",
    "content": "TEXT",
    "commands": "--mc",
    "number": "NUMBER",
    "mcc": "--mcc",
    "mnc": "--mnc",
}
_ADVICE: Final[Mapping[str, str]] = {
    "UnauthorizedError": "look at {PREFIX}_… or the file of RINGBACK_CREDENTIALS, and whether the provider lets this "
    "machine's address in",
    "NoCreditError": "top up the account",
    "ThrottledError": "wait, then send it again",
    "UnavailableError": "send it again later; `ringback doctor` asks whether the provider answers",
    "InDoubtError": "see whether it came before you send it again",
}


def plain_fields(result: object, opened: Opened) -> dict[str, object]:
    """Return whose result it is and its fields as JSON can have them, without the provider's raw answer and our tokens.

    A provider may send our callback URL back.
    """
    document = {"account": opened.access.account, "provider": opened.access.provider, **_fields_of(result)}
    censored = Censor(opened.configured.settings.tokens).text(json.dumps(document))
    found: dict[str, object] = json.loads(censored)
    return found


def _fields_of(result: object) -> dict[str, object]:
    found = plain(result)
    return found if isinstance(found, dict) else {}


def plain(value: object) -> object:
    """Return a result, or a part of one, as JSON can have it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value) if one.name != "raw"}
    if isinstance(value, Part):
        return to_document(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Decimal) else value


def _print_sent(opened: Opened, sent: object, ids: str, *, as_json: bool) -> None:
    from ringback.run.simulation import is_simulated

    access = opened.access
    who = f"{access.provider}, which `ringback up` simulates" if is_simulated(opened.configured) else access.provider
    if as_json:
        print_json(plain_fields(sent, opened))
    else:
        out.print(ids, soft_wrap=True)
    if why := opened.configured.no_callbacks(access):
        err.print(f"accepted by {who}; no report will come here: {why}", soft_wrap=True)
    else:
        err.print(f"accepted by {who}; its reports come back as events", soft_wrap=True)


def _no_sender(opened: Opened, key: str) -> NoReturn:
    refuse(
        f"--from: not there, and the account {opened.access.account} has no {key} in RINGBACK_CREDENTIALS; write one"
    )


def _text(text: str) -> str:
    """Return the text to send, which `-` reads from stdin, without the newline at its end."""
    if text != "-":
        return text
    try:
        return sys.stdin.read().removesuffix("\n")
    except UnicodeDecodeError:
        refuse("stdin is not a text in UTF-8")


def _read_mc(file: Path) -> "Commands":
    """Read an MC, which the client checks."""
    try:
        commands: Commands = json.loads(file.read_text("utf-8"))
    except OSError as error:
        refuse(f"--mc {file}: {(error.strerror or str(error)).lower()}")
    except (ValueError, RecursionError):
        refuse(f'--mc {file}: not JSON; write an array of actions such as [{{"action": "say", "text": "…"}}]')
    return commands
