"""WhatsApp contents: what a message to an end user consists of (Mocean document, "Send WhatsApp" and "Content").

A wrong one raises WaError at once, naming what is wrong. What is not given is not sent, and the provider's default
holds. `reply_to` is the id of the message that is answered: the document has it for texts, media and reactions.
A `header` is a text, or `image`, `video` or `document` without a caption.
"""

from collections.abc import Iterable, Mapping

from ringback.schemas.wa_contents import (
    Content,
    MediaContent,
    RawContent,
    ReactionContent,
    TemplateContent,
    TextContent,
    WaError,
    make_part,
)
from ringback.schemas.wa_interactive import (
    ButtonsContent,
    ListContent,
    ListSection,
    ProductContent,
    ProductsContent,
    ProductSection,
)

__all__ = [
    "Content",
    "WaError",
    "audio",
    "buttons",
    "document",
    "image",
    "list",
    "product",
    "product_section",
    "products",
    "raw",
    "reaction",
    "section",
    "sticker",
    "template",
    "text",
    "unreact",
    "video",
]


def text(text: str, *, preview_url: bool | None = None, reply_to: str | None = None) -> TextContent:
    """Write a text. `preview_url`: show a preview of a URL in it; the default is not to."""
    return make_part(TextContent, "text", text=text, preview_url=preview_url, reply_to=reply_to)


def image(url: str, *, caption: str | None = None, reply_to: str | None = None) -> MediaContent:
    """Show the image at a URL: JPEG or PNG, at most 5 MB."""
    return make_part(MediaContent, "image", type="image", url=url, caption=caption, reply_to=reply_to)


def audio(url: str, *, reply_to: str | None = None) -> MediaContent:
    """Play the recording at a URL: AAC, MP4, MPEG, AMR or Ogg with Opus, at most 16 MB. It has no caption."""
    return make_part(MediaContent, "audio", type="audio", url=url, reply_to=reply_to)


def document(
    url: str, *, name: str | None = None, caption: str | None = None, reply_to: str | None = None
) -> MediaContent:
    """Hand over the file at a URL: text, PDF or one of Microsoft's, at most 100 MB. `name` is what it is called.

    The document has captions of images alone; here they are *assumed*.
    """
    return make_part(MediaContent, "document", type="document", url=url, name=name, caption=caption, reply_to=reply_to)


def video(url: str, *, caption: str | None = None, reply_to: str | None = None) -> MediaContent:
    """Show the video at a URL: MP4 or 3GP with H.264 and AAC, at most 16 MB. A caption is *assumed*."""
    return make_part(MediaContent, "video", type="video", url=url, caption=caption, reply_to=reply_to)


def sticker(url: str, *, reply_to: str | None = None) -> MediaContent:
    """Show the sticker at a URL: WebP, at most 100 KB, animated 500 KB. It has no caption."""
    return make_part(MediaContent, "sticker", type="sticker", url=url, reply_to=reply_to)


def reaction(emoji: str, *, reply_to: str) -> ReactionContent:
    """React to a message with one emoji; it replaces the one before."""
    if emoji == "":
        raise WaError("is empty; write one emoji, or wa.unreact to take one away", content="reaction", field="emoji")
    return make_part(ReactionContent, "reaction", emoji=emoji, reply_to=reply_to)


def unreact(*, reply_to: str) -> ReactionContent:
    """Take a reaction away."""
    return make_part(ReactionContent, "unreact", emoji="", reply_to=reply_to)


def template(
    name: str,
    language: str,
    *,
    header: str | MediaContent | None = None,
    body: Iterable[str] = (),
    quick_replies: Iterable[str] | Mapping[int, str] = (),
    url_parameters: Iterable[str] | Mapping[int, str] = (),
) -> TemplateContent:
    """Send a template: the only content for who has not written in the last 24 hours.

    `header` and `body` stand for the template's variables, in their order. `quick_replies` are what comes back when a
    button is tapped; `url_parameters` complete the URLs of buttons, or are the code that one copies. Both go by the
    position of the buttons in the template, from 0; where not all buttons need one, write a dict: `{1: "no"}`. The
    document allows three, of one type.
    """
    return make_part(
        TemplateContent,
        "template",
        name=name,
        language=language,
        header=header,
        body=body,
        quick_replies=quick_replies,
        url_parameters=url_parameters,
    )


def buttons(
    body: str,
    choices: Mapping[str, str] | None = None,
    /,
    *,
    header: str | MediaContent | None = None,
    footer: str | None = None,
    **titles: str,
) -> ButtonsContent:
    """Ask with up to three buttons, by id and title: `wa.buttons("How can we help?", sales="Sales", help="Support")`.

    Ids that are no names in Python go into `choices`: `{"order-42": "Order 42"}`. So does one that is called
    `reply_to`, which is refused as a keyword: the document lets no interactive content answer a message.
    """
    if "reply_to" in titles:
        raise WaError("only texts, media and reactions have one; leave it out", content="buttons", field="reply_to")
    made = [{"id": id_, "title": title} for id_, title in _by_id("buttons", choices, titles)]
    return make_part(ButtonsContent, "buttons", body=body, buttons=made, header=header, footer=footer)


def list(  # noqa: A001 - the document's name
    body: str,
    *,
    button: str,
    sections: Iterable[ListSection],
    header: str | MediaContent | None = None,
    footer: str | None = None,
) -> ListContent:
    """Ask with a list that opens behind a button, of one to ten sections, each as `section` makes it."""
    return make_part(ListContent, "list", body=body, button=button, sections=sections, header=header, footer=footer)


def section(
    title: str | None = None,
    rows: Mapping[str, str | tuple[str, str]] | None = None,
    /,
    **more: str | tuple[str, str],
) -> ListSection:
    """Make a section of a list, of one to ten rows, by id: a title, or a title and a description.

    `wa.section("Fruit", apple="Apple", pear=("Pear", "ripe"))`. Ids that are no names in Python go into `rows`. Of
    several sections each needs a title, and no two rows of a list may have the same id.
    """
    made = [_row(id_, row) for id_, row in _by_id("section", rows, more)]
    return make_part(ListSection, "section", title=title, rows=made)


def _by_id(builder: str, given: object, more: Mapping[str, object]) -> tuple[tuple[object, object], ...]:
    if given is not None and not isinstance(given, Mapping):
        reason = f"the second argument must be a dict of titles by id, not {type(given).__name__}"
        raise WaError(reason, content=builder)
    return (*(given or {}).items(), *more.items())


def _row(id_: object, row: object) -> dict[str, object]:
    if isinstance(row, tuple) and len(row) == 2:
        return {"id": id_, "title": row[0], "description": row[1]}
    return {"id": id_, "title": row}


def product(
    body: str | None = None,
    *,
    catalog_id: str,
    product_retailer_id: str,
    header: str | MediaContent | None = None,
    footer: str | None = None,
) -> ProductContent:
    """Show a product of the catalogue that belongs to the sender's WhatsApp account."""
    return make_part(
        ProductContent,
        "product",
        body=body,
        catalog_id=catalog_id,
        product_retailer_id=product_retailer_id,
        header=header,
        footer=footer,
    )


def products(
    body: str,
    *,
    header: str | MediaContent,
    catalog_id: str,
    sections: Iterable[ProductSection],
    footer: str | None = None,
) -> ProductsContent:
    """Show several products, in one to ten sections, each as `product_section` makes it. They need a header."""
    return make_part(
        ProductsContent,
        "products",
        body=body,
        header=header,
        catalog_id=catalog_id,
        sections=sections,
        footer=footer,
    )


def product_section(title: str | None, *products: str) -> ProductSection:
    """Make a section of products, by their retailer ids. Of several sections each needs a title."""
    return make_part(ProductSection, "product_section", title=title, products=products)


def raw(content: Mapping[str, object]) -> RawContent:
    """Pass a content on as it is: for what the document does not know yet. It needs a `type`, and to be JSON."""
    return make_part(RawContent, "raw", content=content)
