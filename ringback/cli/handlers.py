"""Commands on handlers, as all workers run them: handlers ls, pause, resume."""

from typing import Annotated

import typer
from rich.table import Table

from ringback.cli.known import open_known
from ringback.cli.options import AsJson, DryRun, err, out, print_json
from ringback.schemas.tally_fields import Ran
from ringback.terminal.screen import Screen

app = typer.Typer(help="Look at how handlers stand, pause and resume them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="A handler; its module may be left out.")]

_WIDE = 200


@app.command("ls")
def handlers_ls(as_json: AsJson = False) -> None:
    """List the handlers: how they stand, what waits for them, and how their runs have ended so far."""
    states = open_known().handlers.all()
    if as_json:
        print_json([one.row() for one in states])
        return
    from ringback.reading.waiting_runs import Waits

    numbers = [*(where.value for where in Waits), *(how.value for how in Ran), "mean"]
    table = Table("name", "types", "state", "together", *numbers, box=None)
    for one in states:
        counts = [*one.waiting.values(), *(one.ended[how] for how in Ran)]
        table.add_row(
            one.name, " ".join(one.types), one.state, "" if one.concurrency is None else str(one.concurrency),
            *map(str, counts), "" if one.mean_s is None else f"{one.mean_s:.3g} s",
        )  # fmt: skip
    # Wider than most terminals; names that are cut into pieces would be of no use.
    Screen(width=max(out.width, _WIDE)).print(table)


@app.command("pause")
def handlers_pause(name: Name, dry_run: DryRun = False) -> None:
    """Start no more runs of a handler, in any worker. What comes for it is held: nothing is lost, and nothing fails."""
    known = open_known()
    handler = known.named(name)
    err.print(f"1 to pause: {handler}", soft_wrap=True)
    if dry_run:
        return
    from ringback.redelivery.pausing import pause

    done = pause(known.client, known.keys, handler)
    err.print("Paused it. What runs is finished; what comes is held." if done else "It was paused already.")


@app.command("resume")
def handlers_resume(name: Name, dry_run: DryRun = False) -> None:
    """Let a handler go on that is paused, or was set aside since it timed out again and again."""
    known = open_known()
    handler = known.named(name)
    state = known.state_of(handler)
    if state == "runs":
        err.print(f"0 to resume: {handler} is neither paused nor set aside", soft_wrap=True)
        return
    err.print(f"1 to resume: {handler}, {state}", soft_wrap=True)
    if not dry_run:
        from ringback.redelivery.pausing import resume

        resume(known.client, known.keys, known.handlers.all_names(handler))
        err.print("It goes on.")
