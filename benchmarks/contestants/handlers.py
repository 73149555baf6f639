"""The handler that does nothing."""

from ringback import Event, on


@on("*")
def nothing(event: Event) -> None:
    """Do nothing: what is measured is the way here."""
