"""The limits of WhatsApp contents: what is still allowed, what no longer is, and in which words it is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from ringback import wa
from ringback.schemas.wa_contents import MediaContent

URL = "https://a_link.com/image.png"
ID = "d2eaf858-1b0e-11ee-a06f-891a3eb010d6"


def action(content: wa.Content) -> Any:
    interactive: Any = content.wire()["wa_interactive"]
    return interactive["action"]


def template(**parameters: Any) -> Any:
    return wa.template("order_ready", "en", **parameters).wire()["wa_template"]


def choices(count: int) -> dict[str, str]:
    return {f"id{number}": f"Title {number}" for number in range(count)}


def pick(*sections: Any) -> wa.Content:
    return wa.list("?", button="Menu", sections=sections)


def shop(*sections: Any) -> wa.Content:
    return wa.products("?", header="Shop", catalog_id="1", sections=sections)


def sections(count: int) -> list[Any]:
    return [wa.section(f"Section {number}", {f"id{number}": "Row"}) for number in range(count)]


@pytest.mark.parametrize(
    ("build", "size"),
    [
        pytest.param(lambda: action(wa.buttons("?", choices(1)))["wa_buttons"], 1, id="a button"),
        pytest.param(lambda: action(wa.buttons("?", choices(3)))["wa_buttons"], 3, id="three buttons"),
        pytest.param(lambda: wa.section("S", choices(1)).wire()["rows"], 1, id="a row"),
        pytest.param(lambda: wa.section("S", choices(10)).wire()["rows"], 10, id="ten rows"),
        pytest.param(lambda: action(pick(*sections(1)))["sections"], 1, id="a section"),
        pytest.param(lambda: action(pick(*sections(10)))["sections"], 10, id="ten sections"),
        pytest.param(lambda: action(shop(wa.product_section(None, "1")))["sections"], 1, id="a section of products"),
        pytest.param(
            lambda: action(shop(*(wa.product_section(str(n), "1") for n in range(10))))["sections"],
            10,
            id="ten sections of products",
        ),
        pytest.param(lambda: template(quick_replies=["1"])["wa_buttons"], 1, id="a quick reply"),
        pytest.param(lambda: template(quick_replies=["1", "2", "3"])["wa_buttons"], 3, id="three quick replies"),
        pytest.param(lambda: template(url_parameters=["1", "2", "3"])["wa_buttons"], 3, id="three URLs"),
        pytest.param(lambda: template(quick_replies={0: "1"})["wa_buttons"], 1, id="index 0"),
        pytest.param(lambda: template(body=[str(n) for n in range(50)])["body_params"], 50, id="many variables"),
    ],
)
def test_at_the_limit(build: Callable[[], list[object]], size: int) -> None:
    assert len(build()) == size


TOO_MANY = "has 4 items; write"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        pytest.param(lambda: wa.text(""), "text, text: is blank", id="no text"),
        pytest.param(lambda: wa.text(" \n"), "text, text: is blank", id="blank text"),
        pytest.param(
            lambda: wa.text("SECRET\ud83d"),
            "text, text: has half of a surrogate pair, which is no text",
            id="half a pair",
        ),
        pytest.param(lambda: wa.text("x", reply_to=""), "text, reply_to: is blank", id="reply to nothing"),
        pytest.param(
            lambda: wa.text("x", preview_url="SECRET"),  # type: ignore[arg-type]
            "text, preview_url: must be True or False",
            id="preview that is no switch",
        ),
        pytest.param(lambda: wa.image("SECRET"), "image, url: no URL; write http://… or https://…", id="no URL"),
        pytest.param(lambda: wa.audio(""), "audio, url: no URL; write http://… or https://…", id="no URL at all"),
        pytest.param(
            lambda: wa.video("file:///SECRET"), "video, url: no URL; write http://… or https://…", id="URL of a file"
        ),
        pytest.param(lambda: wa.document(URL, name=" "), "document, name: is blank", id="blank name"),
        pytest.param(
            lambda: wa.reaction("", reply_to=ID),
            "reaction, emoji: is empty; write one emoji, or wa.unreact to take one away",
            id="no emoji",
        ),
        pytest.param(lambda: wa.reaction("👍", reply_to=" "), "reaction, reply_to: is blank", id="reaction to nothing"),
        pytest.param(
            lambda: wa.unreact(reply_to=None),  # type: ignore[arg-type]
            "unreact, reply_to: must be a text",
            id="reaction taken from nothing",
        ),
        pytest.param(lambda: template(header=" "), "template, header: is blank", id="blank header"),
        pytest.param(
            lambda: template(header=wa.image(URL, caption="SECRET")),
            "template, header: the medium of a header has no caption; leave it out",
            id="header with a caption",
        ),
        pytest.param(
            lambda: template(header=wa.video(URL, reply_to="SECRET")),
            "template, header: the medium of a header has no reply_to; leave it out",
            id="header that answers a message",
        ),
        pytest.param(
            lambda: template(header=wa.audio(URL)),
            "template, header: audio is no header; write a text, or wa.image, wa.video or wa.document",
            id="audio as a header",
        ),
        pytest.param(
            lambda: template(header=wa.sticker(URL)),
            "template, header: sticker is no header; write a text, or wa.image, wa.video or wa.document",
            id="sticker as a header",
        ),
        pytest.param(
            lambda: template(header=["SECRET"]),
            "template, header: must be a text, or wa.image, wa.video or wa.document, not list",
            id="two headers",
        ),
        pytest.param(
            lambda: template(header=wa.text("SECRET")),
            "template, header: must be a text, or wa.image, wa.video or wa.document, not TextContent",
            id="a text content as a header",
        ),
        pytest.param(lambda: wa.template("", "en"), "template, name: is blank", id="no name"),
        pytest.param(lambda: wa.template("x", ""), "template, language: is blank", id="no language"),
        pytest.param(
            lambda: template(body="SECRET"), "template, body: must be a list, not str", id="body not in a list"
        ),
        pytest.param(lambda: template(body=["x", ""]), "template, body[1]: is blank", id="blank variable"),
        pytest.param(
            lambda: template(body=[wa.image(URL)]),
            "template, body[0]: must be a text",
            id="image in a template's body",
        ),
        pytest.param(
            lambda: template(quick_replies=["SECRET"] * 4),
            f"template, quick_replies: {TOO_MANY} at most 3",
            id="four quick replies",
        ),
        pytest.param(
            lambda: template(url_parameters=["SECRET"] * 4),
            f"template, url_parameters: {TOO_MANY} at most 3",
            id="four URLs",
        ),
        pytest.param(
            lambda: template(quick_replies=["SECRET"], url_parameters={1: "SECRET"}),
            "template, url_parameters: all buttons are of one type; write either quick_replies or url_parameters",
            id="buttons of two types",
        ),
        pytest.param(
            lambda: template(quick_replies={-1: "SECRET"}),
            "template, quick_replies[0].index: must be 0 or more",
            id="index -1",
        ),
        pytest.param(
            lambda: template(quick_replies={True: "SECRET"}),
            "template, quick_replies[0].index: must be a number, not true or false",
            id="index true",
        ),
        pytest.param(
            lambda: template(quick_replies={"SECRET": "x"}),
            "template, quick_replies[0].index: must be a whole number",
            id="index that is a text",
        ),
        pytest.param(
            lambda: template(quick_replies=["x", ""]),
            "template, quick_replies[1].parameter: is blank",
            id="no payload",
        ),
        pytest.param(
            lambda: template(url_parameters=[""]), "template, url_parameters[0].parameter: is blank", id="no parameter"
        ),
        pytest.param(
            lambda: template(quick_replies="SECRET"),
            "template, quick_replies: must be a list, or a dict by index, not str",
            id="quick replies not in a list",
        ),
        pytest.param(lambda: wa.buttons("", yes="Yes"), "buttons, body: is blank", id="no body"),
        pytest.param(lambda: wa.buttons("?"), "buttons, buttons: has 0 items; write 1 to 3", id="no button"),
        pytest.param(lambda: wa.buttons("?", choices(4)), f"buttons, buttons: {TOO_MANY} 1 to 3", id="four buttons"),
        pytest.param(lambda: wa.buttons("?", yes=""), "buttons, buttons[0].title: is blank", id="no title"),
        pytest.param(lambda: wa.buttons("?", {"": "Yes"}), "buttons, buttons[0].id: is blank", id="no id"),
        pytest.param(
            lambda: wa.buttons("?", {"a": "A", " SECRET": "B"}),
            "buttons, buttons[1].id: has a blank at its start or end",
            id="blank before an id",
        ),
        pytest.param(
            lambda: wa.buttons("?", {"SECRET\n": "A"}),
            "buttons, buttons[0].id: has a blank at its start or end",
            id="blank after an id",
        ),
        pytest.param(
            lambda: wa.buttons("?", {"SECRET": "A"}, no="B", SECRET="C"),
            "buttons, buttons: [0] and [2] have the same; ids must differ",
            id="two buttons of one id",
        ),
        pytest.param(
            lambda: wa.buttons("?", yes="SECRET", no="SECRET"),
            "buttons, buttons: [0] and [1] have the same; titles must differ",
            id="two buttons of one title",
        ),
        pytest.param(
            lambda: wa.buttons("?", reply_to="SECRET"),
            "buttons, reply_to: only texts, media and reactions have one; leave it out",
            id="buttons that answer a message",
        ),
        pytest.param(
            lambda: wa.buttons("?", ["SECRET"]),  # type: ignore[arg-type]
            "buttons: the second argument must be a dict of titles by id, not list",
            id="buttons in a list",
        ),
        pytest.param(
            lambda: wa.buttons("?", yes="Yes", header=wa.image(URL, caption="SECRET")),
            "buttons, header: the medium of a header has no caption; leave it out",
            id="buttons, header with a caption",
        ),
        pytest.param(lambda: wa.buttons("?", yes="Yes", footer=""), "buttons, footer: is blank", id="blank footer"),
        pytest.param(
            lambda: wa.buttons("?", yes="Yes", footer=wa.image(URL)),  # type: ignore[arg-type]
            "buttons, footer: must be a text",
            id="image as a footer",
        ),
        pytest.param(lambda: wa.section("S"), "section, rows: has 0 items; write 1 to 10", id="no row"),
        pytest.param(
            lambda: wa.section("S", choices(11)), "section, rows: has 11 items; write 1 to 10", id="eleven rows"
        ),
        pytest.param(
            lambda: wa.section("S", a="A", b=("", "x")), "section, rows[1].title: is blank", id="row without a title"
        ),
        pytest.param(
            lambda: wa.section("S", a=("A", "")), "section, rows[0].description: is blank", id="blank description"
        ),
        pytest.param(
            lambda: wa.section("S", a=("A", "B", "SECRET")),  # type: ignore[arg-type]
            "section, rows[0].title: must be a text",
            id="row of three texts",
        ),
        pytest.param(lambda: wa.section("", a="A"), "section, title: is blank", id="blank title"),
        pytest.param(lambda: pick(), "list, sections: has 0 items; write 1 to 10", id="no section"),
        pytest.param(lambda: pick(*sections(11)), "list, sections: has 11 items; write 1 to 10", id="eleven sections"),
        pytest.param(
            lambda: pick(wa.section("S", a="A"), wa.section(b="B")),
            "list, sections: [1] has no title; of several sections each needs one",
            id="second section without a title",
        ),
        pytest.param(
            lambda: pick(wa.section("S", x="A", SECRET="A"), wa.section("T", a="B", b="C", SECRET="D")),
            "list, sections: [0].rows[1] and [1].rows[2] have the same; ids must differ",
            id="rows of one id in two sections",
        ),
        pytest.param(
            lambda: pick(wa.section("S", {"SECRET": "A"}, SECRET="B")),
            "list, sections: [0].rows[0] and [0].rows[1] have the same; ids must differ",
            id="rows of one id in one section",
        ),
        pytest.param(
            lambda: wa.list("?", button="", sections=sections(1)), "list, button: is blank", id="no text on the button"
        ),
        pytest.param(
            lambda: wa.list("?", button="Menu", sections=wa.section(a="A")),  # type: ignore[arg-type]
            "list, sections: must be a list, not ListSection",
            id="section not in a list",
        ),
        pytest.param(
            lambda: wa.list("?", button="Menu", sections=["SECRET"]),  # type: ignore[list-item]
            "list, sections[0]: must be what wa.section or wa.product_section makes",
            id="section that is none",
        ),
        pytest.param(
            lambda: wa.product(catalog_id="", product_retailer_id="1"),
            "product, catalog_id: is blank",
            id="no catalogue",
        ),
        pytest.param(
            lambda: wa.product(catalog_id="1", product_retailer_id=""),
            "product, product_retailer_id: is blank",
            id="no product",
        ),
        pytest.param(
            lambda: wa.products("?", header=None, catalog_id="1", sections=[]),  # type: ignore[arg-type]
            "products, header: is missing; write a text, or wa.image, wa.video or wa.document",
            id="products without a header",
        ),
        pytest.param(
            lambda: wa.products("", header="Shop", catalog_id="1", sections=[]),
            "products, body: is blank",
            id="products without a body",
        ),
        pytest.param(lambda: shop(), "products, sections: has 0 items; write 1 to 10", id="no section of products"),
        pytest.param(
            lambda: shop(*(wa.product_section(str(n), "1") for n in range(11))),
            "products, sections: has 11 items; write 1 to 10",
            id="eleven sections of products",
        ),
        pytest.param(
            lambda: shop(wa.product_section(None, "1"), wa.product_section("T", "2")),
            "products, sections: [0] has no title; of several sections each needs one",
            id="first section of products without a title",
        ),
        pytest.param(
            lambda: wa.product_section("S"),
            "product_section, products: has 0 items; write at least 1",
            id="section without products",
        ),
        pytest.param(
            lambda: wa.product_section("S", " "), "product_section, products[0]: is blank", id="blank product"
        ),
        pytest.param(lambda: wa.raw({}), 'raw, content: must be a dict with a text "type"', id="raw without a type"),
        pytest.param(
            lambda: wa.raw({"type": 1}),
            'raw, content: must be a dict with a text "type"',
            id="raw with a number as type",
        ),
        pytest.param(
            lambda: wa.raw({"type": "x", "SECRET": {1, 2}}),
            "raw, content: must be made of what JSON has: texts, numbers, true, false, null, lists, dicts",
            id="raw that is no JSON",
        ),
    ],
)
def test_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(wa.WaError) as caught:
        build()
    error = caught.value
    assert str(error) == message
    assert "SECRET" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert str(error).startswith(f"{error.content}, {error.field}: " if error.field else f"{error.content}: ")
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("kind", ["audio", "sticker"])
def test_captions_that_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="only image, video, document have one; send a text of its own"):
        MediaContent.model_validate({"type": kind, "url": URL, "caption": "x"})
