"""Screen: the console on which everything is printed for people. Strings and styles go in, no markup, no control codes.

A string is one line, or one cell of a table: its line breaks are shown, not made. Text of more lines is a `Text`.
"""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, HighlighterType, JustifyMethod, OverflowMethod, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from ringback.terminal.shown import shown


class Screen(Console):
    """A console that sends nothing to the terminal but what can be seen, and its own styles."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)

    def render_str(
        self,
        text: str,
        *,
        style: str | Style = "",
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
        emoji: bool | None = None,  # noqa: ARG002 - Rich passes them on; a string has neither here
        markup: bool | None = None,  # noqa: ARG002
        highlight: bool | None = None,
        highlighter: HighlighterType | None = None,
    ) -> Text:
        """Return a string as a text of one line. Rich calls this for whatever is printed as a string."""
        return super().render_str(
            shown(text), style=style, justify=justify, overflow=overflow, emoji=False, markup=False,
            highlight=highlight, highlighter=highlighter,
        )  # fmt: skip

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the pieces of whatever is printed; the last look at a text that was not made from a string."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(shown(segment.text, lines=True), segment.style)
