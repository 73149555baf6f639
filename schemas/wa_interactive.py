"""WhatsApp contents that the end user answers by a tap (Mocean document, "Interactive Content")."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, field_validator

from ringback.schemas.field_types import Words
from ringback.schemas.wa_contents import (
    MOST_BUTTONS,
    ContentPart,
    Header,
    Listed,
    MediaContent,
    WaContent,
    some,
    written,
)

MOST_SECTIONS: Final = 10
MOST_ROWS: Final = 10


def _without_edge_blanks(value: str) -> str:
    if value != value.strip():
        raise ValueError("has a blank at its start or end")
    return value


class ReplyButton(ContentPart):
    """A button; `id` comes back when it is tapped."""

    id: Annotated[Words, AfterValidator(_without_edge_blanks)]
    title: Words


class ListRow(ContentPart):
    """A row of a list; `id` comes back when it is chosen."""

    id: Words
    title: Words
    description: Words | None = None


class ListSection(ContentPart):
    """Rows of a list, under a title."""

    title: Words | None = None
    rows: Annotated[tuple[ListRow, ...], Listed, AfterValidator(some(1, MOST_ROWS))]


class ProductSection(ContentPart):
    """Products of a catalogue, under a title. None at all would show nothing: refused, *assumed*."""

    title: Words | None = None
    products: Annotated[tuple[Words, ...], Listed, AfterValidator(some(1))]

    def wire(self) -> dict[str, object]:
        """Return the section with the wire's names."""
        items = [{"product_retailer_id": one} for one in self.products]
        return ({} if self.title is None else {"title": self.title}) | {"product_items": items}


class ButtonsContent(WaContent):
    """A text with up to three buttons."""

    body: Words
    buttons: Annotated[tuple[ReplyButton, ...], Listed, AfterValidator(some(1, MOST_BUTTONS))]
    header: Header | None = None
    footer: Words | None = None

    @field_validator("buttons")
    @classmethod
    def _distinct(cls, buttons: tuple[ReplyButton, ...]) -> tuple[ReplyButton, ...]:
        _all_distinct("ids", ((f"[{at}]", one.id) for at, one in enumerate(buttons)))
        _all_distinct("titles", ((f"[{at}]", one.title) for at, one in enumerate(buttons)))
        return buttons

    def wire(self) -> dict[str, object]:
        """Return the content with the wire's names."""
        buttons = [{"type": "reply", "title": one.title, "id": one.id} for one in self.buttons]
        return _interactive("button", self.header, self.body, self.footer, {"wa_buttons": buttons})


class ListContent(WaContent):
    """A text with a button that opens a list."""

    body: Words
    button: Words
    sections: Annotated[tuple[ListSection, ...], Listed, AfterValidator(some(1, MOST_SECTIONS))]
    header: Header | None = None
    footer: Words | None = None

    @field_validator("sections")
    @classmethod
    def _told_apart(cls, sections: tuple[ListSection, ...]) -> tuple[ListSection, ...]:
        _all_titled([section.title for section in sections])
        rows = (
            (f"[{at}].rows[{row_at}]", row.id) for at, one in enumerate(sections) for row_at, row in enumerate(one.rows)
        )
        _all_distinct("ids", rows)
        return sections

    def wire(self) -> dict[str, object]:
        """Return the content with the wire's names."""
        action = {"button_text": self.button, "sections": [section.wire() for section in self.sections]}
        return _interactive("list", self.header, self.body, self.footer, action)


class ProductContent(WaContent):
    """A product of a catalogue."""

    catalog_id: Words
    product_retailer_id: Words
    body: Words | None = None
    header: Header | None = None
    footer: Words | None = None

    def wire(self) -> dict[str, object]:
        """Return the content with the wire's names."""
        action = {"catalog_id": self.catalog_id, "product_retailer_id": self.product_retailer_id}
        return _interactive("product", self.header, self.body, self.footer, action)


class ProductsContent(WaContent):
    """Several products of a catalogue."""

    body: Words
    header: Header
    catalog_id: Words
    sections: Annotated[tuple[ProductSection, ...], Listed, AfterValidator(some(1, MOST_SECTIONS))]
    footer: Words | None = None

    @field_validator("sections")
    @classmethod
    def _told_apart(cls, sections: tuple[ProductSection, ...]) -> tuple[ProductSection, ...]:
        _all_titled([section.title for section in sections])
        return sections

    def wire(self) -> dict[str, object]:
        """Return the content with the wire's names."""
        action = {"catalog_id": self.catalog_id, "sections": [section.wire() for section in self.sections]}
        return _interactive("product_list", self.header, self.body, self.footer, action)


def _interactive(
    type_: str,
    header: str | MediaContent | None,
    body: str | None,
    footer: str | None,
    action: Mapping[str, object],
) -> dict[str, object]:
    shown = {"header": header, "body": body, "footer": footer}
    given = {name: written(value) for name, value in shown.items() if value is not None}
    return {"type": "interactive", "wa_interactive": {"type": type_, **given, "action": action}}


def _all_titled(titles: list[str | None]) -> None:
    if len(titles) > 1 and None in titles:
        raise ValueError(f"[{titles.index(None)}] has no title; of several sections each needs one")


def _all_distinct(what: str, values: Iterable[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for place, value in values:
        if value in seen:
            raise ValueError(f"{seen[value]} and {place} have the same; {what} must differ")
        seen[value] = place
