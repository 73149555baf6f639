"""The command doctor: is everything well here, and if not, what to do."""

from contextlib import suppress
from typing import Final

import typer
from rich.table import Table
from rich.text import Text

from ringback.cli.options import AsJson, out, print_json, start
from ringback.receiver.admin.check import Check, Grade
from ringback.run.home import Home
from ringback.schemas.settings import SettingsError

_STYLES: Final = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.UNKNOWN: "yellow", Grade.BAD: "bold red"}


def doctor(as_json: AsJson = False) -> None:
    """Look for what may keep Ringback from working, and say how to mend it (exit code 1: something is not ok)."""
    checks = list(_checks())
    if as_json:
        listed = [{"name": one.name, "grade": one.grade, "detail": one.detail, "mend": _mend(one)} for one in checks]
        print_json({"ok": all(one.ok for one in checks), "checks": listed})
    elif out.is_terminal:
        table = Table("", "what", "seen", "how to mend it", box=None)
        for one in checks:
            table.add_row(Text(one.grade, _STYLES[one.grade]), one.name, one.detail, _mend(one) or "")
        out.print(table)
    else:
        for one in checks:
            mend = _mend(one)
            line = f"{one.grade}: {one.name}: {one.detail}" + (f". To mend it: {mend}" if mend else "")
            out.print(line, soft_wrap=True)
    if not all(one.ok for one in checks):
        raise typer.Exit(1)


def _checks() -> list[Check]:
    try:
        settings = start()
    except SettingsError as error:
        # Nothing else can be asked: every answer would be about other settings.
        mend = "mend it in the environment or in .env"
        return [Check("settings", Grade.BAD, line, mend) for line in str(error).split("\n")]
    from ringback.doctor.examination import examine

    with suppress(SettingsError):  # a data folder that is not ours is a check of its own
        settings = Home(settings.data_dir).find(settings)
    return list(examine(settings))


def _mend(check: Check) -> str | None:
    return check.mend or None if check.grade is not Grade.OK else None
