"""The command line (contract, section 6). Results go to stdout, status to stderr; every listing takes `--json`."""

from typing import Final

import typer

from ringback.commands import dead, doctor, events, quarantine, replay, service, token, trigger, voice

app: Final = typer.Typer(
    help="Telephony callbacks in, events out, your Python handlers on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.command()(service.up)
app.command()(service.serve)
app.command()(service.work)
app.command(hidden=True)(service.worker)
app.command(hidden=True)(service.scheduler)
app.command()(service.urls)
app.command()(trigger.trigger)
app.command()(events.tail)
app.add_typer(events.app, name="events")
app.command()(replay.replay)
app.add_typer(dead.app, name="dead")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(voice.app, name="voice")
app.add_typer(token.app, name="token")
app.command()(events.schema)
app.command()(service.config)
app.command()(doctor.doctor)
