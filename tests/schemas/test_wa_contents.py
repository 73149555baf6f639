"""WhatsApp contents: the document's samples, its limits, what is refused and in which words, the bytes of an emoji."""

import inspect
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringback import wa
from ringback.clients.exchange import json_body
from ringback.schemas.wa_contents import ContentPart

URL = "https://a_link.com/image.png"
LOGO = "https://www.mocean.com.my/logo.png"
ID = "d2eaf858-1b0e-11ee-a06f-891a3eb010d6"

# The values of `mocean-content` in the samples of "Send WhatsApp", to the letter, less the commas that end two of them.
TEMPLATE = """
{
  "type": "template",
  "wa_template": {
    "name": "test_template",
    "language": "en",
    "header_params": [
      {
        "type": "image",
        "rich_media_url": "https://a_link.com/image.png"
      }
    ],
    "body_params": [
      {
        "type": "text",
        "text": "This is the first param"
      },
      {
        "type": "text",
        "text": "and this is the 2nd"
      }
    ],
    "wa_buttons": [
      {
        "type": "quick_reply",
        "index": 0,
        "payload": "Content1 to return, used only by button with type: quick_reply"
      },
      {
        "type": "quick_reply",
        "index": 1,
        "payload": "Content2 to return, used only by button with type: quick_reply"
      }
    ]
  }
}
"""
TEXT = '{"type": "text", "text": "Mocean sample text", "preview_url": false}'
IMAGE = """
{
    "type": "image",
    "text": "Caption for image",
    "rich_media_url": "http://www.moceansms.com/images/header_logo.png"
}
"""
REACTION = r'{"type": "reaction", "text": "\uD83D\uDE00", "reply_to_msg_id": "MESSAGE_ID"}'
BUTTON = """
{
  "type": "interactive",
  "wa_interactive": {
    "type": "button",
    "header": {
      "type": "image",
      "rich_media_url": "https://www.mocean.com.my/logo.png"
    },
    "body": {
      "text": "Example body text for button"
    },
    "action": {
      "wa_buttons": [
        {
          "type": "reply",
          "title": "Button1 Title",
          "id": "button1_id"
        },
        {
          "type": "reply",
          "title": "Button2 Title",
          "id": "button2_id"
        }
      ]
    }
  }
}
"""
LIST = """
{
  "type": "interactive",
  "wa_interactive": {
    "type": "list",
    "header": {
      "type": "text",
      "text": "Example header text for list"
    },
    "body": {
      "text": "Example body text for list"
    },
    "action": {
      "button_text": "Example button text for list",
      "sections": [
        {
          "title": "Section1 Title",
          "rows": [
            {
              "id": "row_id1",
              "title": "row_title1",
              "description": "row_description1"
            },
            {
              "id": "row_id2",
              "title": "row_title2",
              "description": "row_description2"
            }
          ]
        },
        {
          "title": "Section2 Title",
          "rows": [
            {
              "id": "row_id1",
              "title": "row_title1",
              "description": "row_description1"
            },
            {
              "id": "row_id2",
              "title": "row_title2",
              "description": "row_description2"
            }
          ]
        }
      ]
    }
  }
}
"""
PRODUCT = """
{
  "type": "interactive",
  "wa_interactive": {
    "type": "product",
    "body": {
      "text": "Example body text for single-product"
    },
    "footer": {
      "text": "Example footer text for single-product"
    },
    "action": {
      "catalog_id": "532885782203560",
      "product_retailer_id": "4j15rehvf0"
    }
  }
}
"""
PRODUCT_LIST = """
{
  "type": "interactive",
  "wa_interactive": {
    "type": "product_list",
    "header": {
      "type": "text",
      "text": "Example header text for multi-product"
    },
    "body": {
      "text": "Example body text for multi-product"
    },
    "footer": {
      "text": "Example footer text for multi-product"
    },
    "action": {
      "catalog_id": "532885782203560",
      "sections": [
        {
          "title": "Section1 Title",
          "product_items": [
            {
              "product_retailer_id": "erc3zi4d0e"
            },
            {
              "product_retailer_id": "shrlghouts"
            }
          ]
        },
        {
          "title": "Section2 Title",
          "product_items": [
            {
              "product_retailer_id": "4j15rehvf0"
            },
            {
              "product_retailer_id": "v8etcv50u6"
            }
          ]
        }
      ]
    }
  }
}
"""


def read(sample: str) -> Any:
    """Read a sample, with the `"type":"text"` that the tables want of a body and a footer and the samples leave out."""
    content = json.loads(sample)
    for part in ("body", "footer"):
        if part in content.get("wa_interactive", {}):
            content["wa_interactive"][part]["type"] = "text"
    return content


def list_with_distinct_ids() -> Any:
    """Read the sample of a list. Its sections have the same row ids, against the document's own note in "Section"."""
    content = read(LIST)
    for number, row in enumerate(content["wa_interactive"]["action"]["sections"][1]["rows"], start=3):
        row["id"] = f"row_id{number}"
    return content


@pytest.mark.parametrize(
    ("content", "sample"),
    [
        pytest.param(
            wa.template(
                "test_template",
                "en",
                header=wa.image(URL),
                body=["This is the first param", "and this is the 2nd"],
                quick_replies=[
                    "Content1 to return, used only by button with type: quick_reply",
                    "Content2 to return, used only by button with type: quick_reply",
                ],
            ),
            read(TEMPLATE),
            id="template",
        ),
        pytest.param(wa.text("Mocean sample text", preview_url=False), read(TEXT), id="text"),
        pytest.param(
            wa.image("http://www.moceansms.com/images/header_logo.png", caption="Caption for image"),
            read(IMAGE),
            id="image",
        ),
        pytest.param(wa.reaction("😀", reply_to="MESSAGE_ID"), read(REACTION), id="reaction"),
        pytest.param(
            wa.buttons(
                "Example body text for button",
                header=wa.image(LOGO),
                button1_id="Button1 Title",
                button2_id="Button2 Title",
            ),
            read(BUTTON),
            id="buttons",
        ),
        pytest.param(
            wa.list(
                "Example body text for list",
                header="Example header text for list",
                button="Example button text for list",
                sections=[
                    wa.section(
                        "Section1 Title",
                        row_id1=("row_title1", "row_description1"),
                        row_id2=("row_title2", "row_description2"),
                    ),
                    wa.section(
                        "Section2 Title",
                        row_id3=("row_title1", "row_description1"),
                        row_id4=("row_title2", "row_description2"),
                    ),
                ],
            ),
            list_with_distinct_ids(),
            id="list, with distinct ids",
        ),
        pytest.param(
            wa.product(
                "Example body text for single-product",
                footer="Example footer text for single-product",
                catalog_id="532885782203560",
                product_retailer_id="4j15rehvf0",
            ),
            read(PRODUCT),
            id="product",
        ),
        pytest.param(
            wa.products(
                "Example body text for multi-product",
                header="Example header text for multi-product",
                footer="Example footer text for multi-product",
                catalog_id="532885782203560",
                sections=[
                    wa.product_section("Section1 Title", "erc3zi4d0e", "shrlghouts"),
                    wa.product_section("Section2 Title", "4j15rehvf0", "v8etcv50u6"),
                ],
            ),
            read(PRODUCT_LIST),
            id="products",
        ),
    ],
)
def test_the_documents_samples(content: wa.Content, sample: object) -> None:
    assert content.wire() == sample
    assert json.loads(json_body(content.wire())) == sample


def test_the_documents_list_breaks_its_own_rule() -> None:
    sections = read(LIST)["wa_interactive"]["action"]["sections"]
    made = [wa.section(one["title"], {row["id"]: row["title"] for row in one["rows"]}) for one in sections]
    with pytest.raises(
        wa.WaError, match=r"^list, sections: \[0\].rows\[0\] and \[1\].rows\[0\] have the same; ids must"
    ):
        wa.list("Pick one", button="Menu", sections=made)


def action(content: wa.Content) -> Any:
    interactive: Any = content.wire()["wa_interactive"]
    return interactive["action"]


def template(**parameters: Any) -> Any:
    return wa.template("order_ready", "en", **parameters).wire()["wa_template"]


def interactive(**parts: Any) -> Any:
    return wa.buttons("?", yes="Yes", **parts).wire()["wa_interactive"]


# The examples inside the tables of "Content", to the letter. The last one lacks its end in the document.
@pytest.mark.parametrize(
    ("built", "example"),
    [
        pytest.param(wa.reaction("👍", reply_to=ID).wire(), r'"text":"\uD83D\uDC4D"', id="emoji"),
        pytest.param(
            template(header="VARIABLE"),
            '"header_params":[{"type":"text","text":"VARIABLE"}]',
            id="template, text header",
        ),
        pytest.param(
            template(header=wa.image(LOGO)),
            '"header_params":[{"type":"image","rich_media_url":"https://www.mocean.com.my/logo.png"}]',
            id="template, image header",
        ),
        pytest.param(
            template(body=["VARIABLE1", "VARIABLE2"]),
            '"body_params":[{"type":"text","text":"VARIABLE1"}, {"type":"text","text":"VARIABLE2"}]',
            id="template, body",
        ),
        pytest.param(
            interactive(header="HEADER CONTENT"), '"header":{"type":"text","text":"HEADER CONTENT"}', id="text header"
        ),
        pytest.param(
            interactive(header=wa.image(LOGO)),
            '"header":{"type":"image","rich_media_url":"https://www.mocean.com.my/logo.png"}',
            id="image header",
        ),
        pytest.param(
            wa.buttons("BODY CONTENT", yes="Yes").wire()["wa_interactive"],
            '"body":{"type":"text","text":"BODY CONTENT"}',
            id="body",
        ),
        pytest.param(
            interactive(footer="FOOTER CONTENT"), '"footer":{"type":"text","text":"FOOTER CONTENT"}', id="footer"
        ),
        pytest.param(
            wa.section(
                None, ROW_ID1=("ROW_TITLE1", "ROW_DESCRIPTION1"), ROW_ID2=("ROW_TITLE2", "ROW_DESCRIPTION2")
            ).wire(),
            '"rows":[{"id":"ROW_ID1","title":"ROW_TITLE1","description":"ROW_DESCRIPTION1"},'
            '{"id":"ROW_ID2","title":"ROW_TITLE2","description":"ROW_DESCRIPTION2"}]',
            id="rows",
        ),
        pytest.param(
            wa.product_section(None, "PRODUCT_ID1", "PRODUCT_ID2").wire(),
            '"product_items":[{"product_retailer_id":"PRODUCT_ID1"},{"product_retailer_id":"PRODUCT_ID2"}]',
            id="product items",
        ),
    ],
)
def test_the_documents_examples(built: dict[str, object], example: str) -> None:
    assert built.items() >= json.loads(f"{{{example}}}").items()


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        pytest.param(
            wa.text("See https://a.example", preview_url=True, reply_to=ID),
            {"type": "text", "text": "See https://a.example", "preview_url": True, "reply_to_msg_id": ID},
            id="text, all of it",
        ),
        pytest.param(
            wa.image(URL, reply_to=ID), {"type": "image", "rich_media_url": URL, "reply_to_msg_id": ID}, id="image"
        ),
        pytest.param(
            wa.audio(URL, reply_to=ID), {"type": "audio", "rich_media_url": URL, "reply_to_msg_id": ID}, id="audio"
        ),
        pytest.param(
            wa.document(URL, name="Invoice.pdf", caption="Thank you", reply_to=ID),
            {
                "type": "document",
                "rich_media_url": URL,
                "name": "Invoice.pdf",
                "text": "Thank you",
                "reply_to_msg_id": ID,
            },
            id="document, its caption assumed",
        ),
        pytest.param(
            wa.video(URL, caption="How to", reply_to=ID),
            {"type": "video", "rich_media_url": URL, "text": "How to", "reply_to_msg_id": ID},
            id="video, its caption assumed",
        ),
        pytest.param(
            wa.sticker(URL, reply_to=ID),
            {"type": "sticker", "rich_media_url": URL, "reply_to_msg_id": ID},
            id="sticker",
        ),
        pytest.param(
            wa.unreact(reply_to=ID), {"type": "reaction", "text": "", "reply_to_msg_id": ID}, id="a reaction taken away"
        ),
        pytest.param(
            wa.template("hello", "en_US"),
            {"type": "template", "wa_template": {"name": "hello", "language": "en_US"}},
            id="template without variables",
        ),
        pytest.param(
            wa.template("hello", "en", header=wa.document(URL, name="Invoice.pdf"), url_parameters={1: "order/42"}),
            {
                "type": "template",
                "wa_template": {
                    "name": "hello",
                    "language": "en",
                    "header_params": [{"type": "document", "rich_media_url": URL, "name": "Invoice.pdf"}],
                    "wa_buttons": [{"type": "url", "index": 1, "url_parameter": "order/42"}],
                },
            },
            id="template whose second button alone has a parameter",
        ),
        pytest.param(
            wa.template("otp", "en", body=["123456"], url_parameters=["123456"]),
            {
                "type": "template",
                "wa_template": {
                    "name": "otp",
                    "language": "en",
                    "body_params": [{"type": "text", "text": "123456"}],
                    "wa_buttons": [{"type": "url", "index": 0, "url_parameter": "123456"}],
                },
            },
            id="template with a code to copy",
        ),
        pytest.param(
            wa.product(catalog_id="1", product_retailer_id="2", header="New"),
            {
                "type": "interactive",
                "wa_interactive": {
                    "type": "product",
                    "header": {"type": "text", "text": "New"},
                    "action": {"catalog_id": "1", "product_retailer_id": "2"},
                },
            },
            id="product without a body",
        ),
        pytest.param(
            wa.raw({"type": "location", "location": {"latitude": 3.1, "list": [1, None, True, "é"]}}),
            {"type": "location", "location": {"latitude": 3.1, "list": [1, None, True, "é"]}},
            id="raw",
        ),
    ],
)
def test_wire(content: wa.Content, wire: dict[str, object]) -> None:
    assert content.wire() == wire


def test_one_section_needs_no_title() -> None:
    one = wa.list("Pick one", button="Menu", sections=[wa.section(apple="Apple")])
    assert action(one) == {"button_text": "Menu", "sections": [{"rows": [{"id": "apple", "title": "Apple"}]}]}
    other = wa.products("Look", header="Shop", catalog_id="1", sections=[wa.product_section(None, "2")])
    assert action(other) == {"catalog_id": "1", "sections": [{"product_items": [{"product_retailer_id": "2"}]}]}


def test_ids_that_are_no_names() -> None:
    content = wa.buttons("?", {"reply_to": "Reply", "order-42": "Order"}, body="Body")
    assert [one["id"] for one in action(content)["wa_buttons"]] == ["reply_to", "order-42", "body"]
    rows = wa.section("Orders", {"order-42": "Order"}, title="Title").wire()["rows"]
    assert rows == [{"id": "order-42", "title": "Order"}, {"id": "title", "title": "Title"}]


def test_lists_may_be_generators() -> None:
    content = wa.list("?", button="Menu", sections=(wa.section(str(n), {str(n): "Row"}) for n in range(2)))
    assert [one["title"] for one in action(content)["sections"]] == ["0", "1"]
    assert template(body=(str(n) for n in range(2)))["body_params"][1] == {"type": "text", "text": "1"}


# Emoji on the wire: "need to encode it with UTF-16 unicode (escape sequences)".


@pytest.mark.parametrize(
    ("emoji", "escapes"),
    [
        pytest.param("👍", rb"\ud83d\udc4d", id="the document's"),
        pytest.param("❤️", rb"\u2764\ufe0f", id="with a variation selector"),
        pytest.param("☺", rb"\u263a", id="without one"),
        pytest.param("👍🏽", rb"\ud83d\udc4d\ud83c\udffd", id="skin tone"),
        pytest.param("🇲🇾", rb"\ud83c\uddf2\ud83c\uddfe", id="flag"),
        pytest.param("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", None, id="flag of a region"),
        pytest.param("7️⃣", rb"7\ufe0f\u20e3", id="key"),
        pytest.param("👩🏾‍🚀", rb"\ud83d\udc69\ud83c\udffe\u200d\ud83d\ude80", id="joined"),
        pytest.param("👨‍👩‍👧‍👦", None, id="family"),
        pytest.param("❤️‍🔥", None, id="joined after a variation selector"),
        pytest.param("🙂‍↔️", None, id="joined with an arrow"),
        pytest.param("🫩", None, id="of 2024, unknown to Python 3.11"),
    ],
)
def test_an_emoji_goes_out_in_escapes(emoji: str, escapes: bytes | None) -> None:
    written = json_body(wa.reaction(emoji, reply_to=ID).wire())
    assert written.isascii()
    assert json.loads(written)["text"] == emoji
    assert escapes is None or b'"text":"' + escapes + b'"' in written


@pytest.mark.parametrize(
    "no_emoji",
    ["a", "7", "ok", "👍👍", "👍 ", " 👍", "👍a", "🇲", "🇲🇾🇲", "👍🏽🏽", "‍👍", "👍‍", "é", "中", ":)", "️", "\n"],
    ids=ascii,
)
def test_no_emoji(no_emoji: str) -> None:
    with pytest.raises(wa.WaError, match=r"^reaction, emoji: must be one emoji$"):
        wa.reaction(no_emoji, reply_to=ID)


def test_answering_is_for_what_the_document_lets_answer() -> None:
    answering = [name for name in wa.__all__ if "reply_to" in inspect.signature(getattr(wa, name)).parameters]
    assert sorted(answering) == ["audio", "document", "image", "reaction", "sticker", "text", "unreact", "video"]


def test_raw_is_the_callers_no_longer() -> None:
    given: dict[str, Any] = {"type": "x", "list": [1]}
    content = wa.raw(given)
    given["list"].append(2)
    assert content.wire() == {"type": "x", "list": [1]}


def test_contents_are_values() -> None:
    content = wa.buttons("?", yes="Yes")
    assert content == wa.buttons("?", yes="Yes")
    assert hash(content) == hash(wa.buttons("?", yes="Yes"))
    with pytest.raises(ValueError, match="frozen"):
        content.body = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(wa.text("SECRET"), id="text"),
        pytest.param(wa.image("https://SECRET/"), id="image"),
        pytest.param(wa.template("x", "en", body=["SECRET"], url_parameters=["SECRET"]), id="template"),
        pytest.param(wa.buttons("SECRET", SECRET="SECRET"), id="buttons"),
        pytest.param(wa.list("SECRET", button="SECRET", sections=[wa.section(SECRET="SECRET")]), id="list"),
        pytest.param(wa.section("SECRET", SECRET="SECRET"), id="section"),
        pytest.param(wa.raw({"type": "SECRET"}), id="raw"),
    ],
)
def test_nothing_is_shown_by_chance(part: ContentPart) -> None:
    assert "SECRET" not in f"{part!r} {part!s} {[part]}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw builds a table of characters
@given(JSON, st.text(min_size=1))
def test_raw_passes_any_json_on(value: Any, type_: str) -> None:
    try:
        content = wa.raw({"value": value, "type": type_})
    except wa.WaError:
        with pytest.raises(UnicodeEncodeError):
            json.dumps([value, type_], ensure_ascii=False).encode()
    else:
        assert json.loads(json_body(content.wire())) == {"value": value, "type": type_}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw builds a table of characters
@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=4))
def test_whatever_is_given_is_refused_or_can_be_sent(body: str, titles: dict[str, str]) -> None:
    try:
        content = wa.buttons(body, titles)
    except wa.WaError:
        return
    assert json.loads(json_body(content.wire())) == content.wire()
    assert len(action(content)["wa_buttons"]) == len(titles) in (1, 2, 3)
