"""The command line (contract, section 6). Results go to stdout, status to stderr; every listing takes `--json`."""

from typing import Final

import typer

from ringback.cli import (
    ask,
    dead,
    doctor,
    handlers,
    optouts,
    quarantine,
    replay,
    retries,
    send,
    sends,
    service,
    simulator,
    stored_events,
    token,
    trigger,
    voice_flow,
)

app: Final = typer.Typer(
    help="Telephony callbacks in, events out, your Python handlers on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.command()(service.up)
app.command()(service.serve)
app.command()(service.work)
app.command(hidden=True)(service.receiver)
app.command(hidden=True)(service.worker)
app.command(hidden=True)(service.sender)
app.command(hidden=True)(service.poller)
app.command()(service.urls)
app.command()(trigger.trigger)
app.command()(simulator.simulate)
app.add_typer(simulator.app, name="sim")
app.command()(stored_events.tail)
app.add_typer(stored_events.app, name="events")
app.command()(replay.replay)
app.add_typer(handlers.app, name="handlers")
app.add_typer(retries.app, name="retries")
app.add_typer(dead.app, name="dead")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(voice_flow.app, name="voice")
app.add_typer(send.app, name="send")
app.add_typer(sends.app, name="sends")
app.add_typer(optouts.app, name="optouts")
app.command()(ask.balance)
app.command()(ask.pricing)
app.command()(ask.lookup)
app.add_typer(token.app, name="token")
app.command()(stored_events.schema)
app.command()(service.config)
app.command()(doctor.doctor)
