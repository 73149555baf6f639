"""`ringback send`, `balance`, `pricing`, `lookup`: what goes out, what is printed, and how they end."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.answering import Answering, Answers, answering
from tests.support.commands import ringback
from tests.support.service import RINGBACK, TOKEN, await_answer, clean_environment, free_port, process

PUBLIC: Final = "https://callbacks.example.com"
NUMBER: Final = "60198765432"
TEXT: Final = "Kwyjibo ate my homework"
KEY, SECRET, USER, PASSWORD = "the-api-key", "the-api-secret", "the-user-name", "the-pass-word"
PRIVATE: Final = (KEY, SECRET, USER, PASSWORD, TOKEN)
MOCEAN: Final = {"RINGBACK_MOCEAN_API_KEY": KEY, "RINGBACK_MOCEAN_API_SECRET": SECRET}
MYCOOLSMS: Final = {"RINGBACK_MYCOOLSMS_USERNAME": USER, "RINGBACK_MYCOOLSMS_PASSWORD": PASSWORD}
SIGNED: Final = {"mocean-api-key": KEY, "mocean-api-secret": SECRET, "mocean-resp-format": "json"}
OK_SMS: Final = {"messages": [{"status": 0, "receiver": NUMBER, "msgid": "cust20013050311050614001"}]}
OK_SENDSMS: Final = {"success": True, "smsid": "0f1e2d3c4b5a69788796a5b4c3d2e1f0"}
OK_WA: Final = {"status": 0, "message_id": "wamid.HBgN"}
OK_CALL: Final = {"calls": [{"status": 0, "session_uuid": "xxx-session", "call_uuid": "xxx-call"}]}
STATUS_URL: Final = f"{PUBLIC}/webhooks/mocean/voice/status?token={TOKEN}"
IN_JSON: Final = {
    "mocean-api-key": KEY, "mocean-api-secret": SECRET, "mocean-from": "60312345678", "mocean-to": NUMBER,
    "mocean-event-url": f"{PUBLIC}/webhooks/mocean/whatsapp-delivery-status?token={TOKEN}",
}  # fmt: skip
TEMPLATE: Final = {
    "type": "template",
    "wa_template": {
        "name": "welcome", "language": "en",
        "body_params": [{"type": "text", "text": "Ada"}, {"type": "text", "text": "42"}],
    },
}  # fmt: skip


def run(folder: Path, api: Answering, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with these settings, against that API; see that no secret is printed."""
    chosen = {
        "RINGBACK_TOKENS": f"acme:{TOKEN}", "RINGBACK_PUBLIC_URL": PUBLIC, "RINGBACK_LOG_LEVEL": "debug",
        "RINGBACK_MOCEAN_URL": api.url, "RINGBACK_MYCOOLSMS_URL": api.url, **settings,
    }  # fmt: skip
    ended = ringback(folder, *words, **chosen)
    assert [one for one in PRIVATE if one in ended.stdout + ended.stderr] == []
    assert "Traceback" not in ended.stderr
    return ended


REPORTS: Final = {
    "mocean-dlr-mask": "1",
    "mocean-dlr-url": f"{PUBLIC}/webhooks/mocean/delivery-report?token={TOKEN}",
}


@pytest.mark.parametrize(
    ("words", "settings", "answers", "asked", "printed"),
    [
        pytest.param(
            ["send", "sms", "--to", f"+{NUMBER}", "--from", "ACME", TEXT], MOCEAN, {"/sms": OK_SMS},
            ("/sms", {"mocean-from": "ACME", "mocean-to": NUMBER, "mocean-text": TEXT, **SIGNED, **REPORTS}),
            "cust20013050311050614001\n", id="an SMS",
        ),
        pytest.param(
            ["send", "sms", "--to", f"+{NUMBER}", TEXT], MYCOOLSMS, {"sendSms": OK_SENDSMS},
            ("sendSms", {"username": USER, "password": PASSWORD, "function": "sendSms", "number": f"+{NUMBER}",
                         "message": TEXT, "unicode": False,
                         "callbackurl": f"{PUBLIC}/webhooks/mycoolsms/delivery-report?token={TOKEN}"}),
            "0f1e2d3c4b5a69788796a5b4c3d2e1f0\n", id="by the provider that there is",
        ),
        pytest.param(
            ["send", "sms", "--to", NUMBER, "--provider", "mycoolsms", "--context", "order=42", TEXT],
            {**MOCEAN, **MYCOOLSMS}, {"sendSms": OK_SENDSMS},
            ("sendSms", {"username": USER, "password": PASSWORD, "function": "sendSms", "number": f"+{NUMBER}",
                         "message": TEXT, "unicode": False,
                         "callbackurl": f"{PUBLIC}/webhooks/mycoolsms/delivery-report?token={TOKEN}&ctx.order=42"}),
            "0f1e2d3c4b5a69788796a5b4c3d2e1f0\n", id="by the provider that is named",
        ),
        pytest.param(
            ["send", "whatsapp", "--to", NUMBER, "--from", "60312345678", TEXT], MOCEAN,
            {"/send-message/whatsapp": OK_WA},
            ("/send-message/whatsapp", {**IN_JSON, "mocean-content": {"type": "text", "text": TEXT}}),
            "wamid.HBgN\n", id="a WhatsApp text",
        ),
        pytest.param(
            ["send", "whatsapp", "--to", NUMBER, "--from", "60312345678", "--template", "welcome", "--language", "en",
             "--body", "Ada", "--body", "42"], MOCEAN, {"/send-message/whatsapp": OK_WA},
            ("/send-message/whatsapp", {**IN_JSON, "mocean-content": TEMPLATE}), "wamid.HBgN\n", id="a template",
        ),
        pytest.param(
            ["send", "call", "--to", NUMBER, "--from", "60312345678", "--say", "Hello."], MOCEAN,
            {"/voice/dial": OK_CALL},
            ("/voice/dial", {"mocean-to": NUMBER, "mocean-from": "60312345678", **SIGNED, "mocean-command":
                '[{"action":"say","text":"Hello.","language":"en-GB"}]', "mocean-event-url": STATUS_URL}),
            "xxx-call\n", id="a call that says something",
        ),
        pytest.param(
            ["send", "call", "--to", NUMBER, "--mc", "mc.json", "--context", "order=42"], MOCEAN,
            {"/voice/dial": OK_CALL},
            ("/voice/dial", {"mocean-to": NUMBER, **SIGNED, "mocean-command": '[{"action":"sleep","duration":1000}]',
                             "mocean-event-url": f"{STATUS_URL}&ctx.order=42"}),
            "xxx-call\n", id="a call that follows a file",
        ),
    ],
)  # fmt: skip
def test_what_is_sent(
    tmp_path: Path,
    words: list[str],
    settings: dict[str, str],
    answers: Answers,
    asked: tuple[str, dict[str, Any]],
    printed: str,
) -> None:
    (tmp_path / "mc.json").write_text('[{"action": "sleep", "duration": 1000}]')
    with answering(answers) as api:
        ended = run(tmp_path, api, *words, **settings)
        assert (ended.returncode, ended.stdout) == (0, printed)
        by = "mycoolsms" if "RINGBACK_MYCOOLSMS_PASSWORD" in settings else "mocean"
        assert ended.stderr == f"accepted by {by}; its reports come back as events\n"
        assert api.asked == [asked]


SMS: Final = ["send", "sms", "--to", NUMBER, "--from", "ACME", TEXT]
LOOK_AT: Final = (
    "look at RINGBACK_MOCEAN_… or the file of RINGBACK_CREDENTIALS, and whether the provider lets this machine's "
    "address in"
)


@pytest.mark.parametrize(
    ("words", "settings", "answer", "code", "line"),
    [
        pytest.param(SMS, {}, None, 1,
                     "mocean client: no account has credentials; set RINGBACK_MOCEAN_API_KEY and "
                     "RINGBACK_MOCEAN_API_SECRET (or RINGBACK_MOCEAN_API_TOKEN alone), or write [acme.mocean] with "
                     "api_key and api_secret, or api_token alone in the file that RINGBACK_CREDENTIALS names (nothing "
                     "was sent)", id="not configured"),
        pytest.param(SMS, {"RINGBACK_MOCEAN_API_KEY": KEY}, None, 2,
                     "RINGBACK_MOCEAN_API_SECRET: not set, and others of it are; write api_key and api_secret, or "
                     "api_token alone", id="half configured"),
        pytest.param(SMS, MOCEAN, {"status": 1, "err_msg": f"Authorization failed for {KEY}"}, 1,
                     "mocean sms: code 1: Authorization failed. Invalid mocean-api-key or mocean-api-secret. (nothing "
                     f"was sent); {LOOK_AT}", id="unauthorized"),
        pytest.param(SMS, MOCEAN, {"messages": [{"status": 2}]}, 1,
                     "mocean sms: code 2: Insufficient balance. Not enough credit in the account to send to at least "
                     "one of the receivers. (nothing was sent); top up the account", id="no credit"),
        pytest.param(SMS, MOCEAN, {"messages": [{"status": 37}]}, 1,
                     "mocean sms: code 37: Invalid sender length. (nothing was sent)", id="refused"),
        pytest.param(SMS, MOCEAN, (429, "slower"), 1,
                     "mocean sms: HTTP 429, too many requests (nothing was sent); wait, then send it again", id="429"),
        pytest.param(SMS, MOCEAN, (502, f"<p>{TEXT}</p>"), 3,
                     "mocean sms: HTTP 502, and the answer is not an object (it may have been sent); see whether it "
                     "came before you send it again", id="a page of a proxy"),
        pytest.param(SMS, MOCEAN, None, 3,
                     "mocean sms: no answer (RemoteProtocolError) (it may have been sent); see whether it came before "
                     "you send it again", id="no answer"),
        pytest.param(SMS, {**MOCEAN, "RINGBACK_MOCEAN_URL": "http://127.0.0.1:{port}"}, None, 1,
                     "mocean sms: not reached (ConnectError) (nothing was sent); send it again later; `ringback "
                     "doctor` asks whether the provider answers", id="nobody there"),
        pytest.param(["send", "sms", "--to", "63001", "--from", "ACME", TEXT], MOCEAN, None, 2,
                     "--to: not a phone number with its country code; write such as +60123456789", id="to whom"),
        pytest.param(["send", "sms", "--to", NUMBER, TEXT], MOCEAN, None, 2,
                     "--from: not there, and the account acme has no sms_from in RINGBACK_CREDENTIALS; write one",
                     id="from whom"),
        pytest.param([*SMS[:-1], ""], MOCEAN, None, 2, "TEXT: empty", id="no text"),
        pytest.param(["send", "whatsapp", "--to", NUMBER], MOCEAN, None, 2,
                     "write a TEXT, or --template NAME --language CODE", id="WhatsApp without anything"),
        pytest.param(["send", "whatsapp", "--to", NUMBER, "--body", "x", TEXT], MOCEAN, None, 2,
                     "--language and --body go with --template NAME; it needs a language, such as --language en",
                     id="a text with variables"),
        pytest.param(["send", "whatsapp", "--to", NUMBER, TEXT], MOCEAN, None, 2,
                     "--from: not there, and the account acme has no whatsapp_from in RINGBACK_CREDENTIALS; write one",
                     id="WhatsApp from whom"),
        pytest.param(["send", "whatsapp", "--to", NUMBER, "--from", "60312345678", "--template", "", "--language",
                      "en"], MOCEAN, None, 2, "template, name: is blank", id="a template without a name"),
        pytest.param(["send", "call", "--to", NUMBER], MOCEAN, None, 2, "write --say TEXT or --mc FILE",
                     id="a call without words"),
        pytest.param(["send", "call", "--to", NUMBER, "--mc", "nowhere.json"], MOCEAN, None, 2,
                     "--mc nowhere.json: no such file or directory", id="an MC that is not there"),
        pytest.param(["send", "call", "--to", NUMBER, "--mc", "broken.json"], MOCEAN, None, 2,
                     '--mc broken.json: not JSON; write an array of actions such as [{"action": "say", "text": "…"}]',
                     id="an MC that is no JSON"),
        pytest.param(["send", "call", "--to", NUMBER, "--mc", "wrong.json"], MOCEAN, None, 2,
                     "--mc: action 0, action: 'shout' is no action; there are play, collect, say, sleep, dial, record; "
                     "mc.raw({…}) passes on what Ringback does not know", id="an MC that Mocean would refuse"),
        pytest.param([*SMS, "--context", "order"], MOCEAN, None, 2, '--context "order": write field=value',
                     id="no context"),
        pytest.param([*SMS, "--account", "other"], MOCEAN, None, 1,
                     "mocean client: the account other has no credentials (only acme); write [other.mocean] with "
                     "api_key and api_secret, or api_token alone in the file that RINGBACK_CREDENTIALS names (nothing "
                     "was sent)", id="another account"),
    ],
)  # fmt: skip
def test_how_it_fails(
    tmp_path: Path, words: list[str], settings: dict[str, str], answer: object, code: int, line: str
) -> None:
    port = str(free_port())
    (tmp_path / "broken.json").write_text(TEXT)
    (tmp_path / "wrong.json").write_text('[{"action": "shout", "text": "Hello."}]')
    with answering({"/sms": answer}) as api:
        ended = run(tmp_path, api, *words, **{name: one.replace("{port}", port) for name, one in settings.items()})
        assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", f"ringback: {line}\n")
        assert TEXT not in ended.stderr
        assert (
            len(api.asked) == (1 if "/sms" not in line and code != 2 and "client" not in line else 0)
            or "reached" in line
        )


def test_a_file_with_several_accounts(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text(
        f'[acme.mocean]\napi_token = "{SECRET}"\nsms_from = "ACME"\n["acme.eu".mocean]\napi_token = "other"\n'
    )
    settings = {"RINGBACK_CREDENTIALS": "keys.toml", "RINGBACK_PUBLIC_URL": ""}
    with answering({"/sms": OK_SMS}) as api:
        ended = run(tmp_path, api, "send", "sms", "--to", NUMBER, TEXT, **settings)
        assert (ended.returncode, ended.stderr.partition(" (nothing")[0]) == (
            1, "ringback: mocean client: several accounts have credentials (acme, acme.eu); name one of them",
        )  # fmt: skip
        words = ["--account", "acme", "--context", "order=4 2", "--json"]
        ended = run(tmp_path, api, "send", "sms", "--to", NUMBER, TEXT, *words, **settings)
        assert ended.returncode == 0
        assert json.loads(ended.stdout) == {
            "account": "acme", "provider": "mocean", "message_id": "cust20013050311050614001", "recipient": NUMBER,
        }  # fmt: skip
        ((_, fields),) = api.asked
        assert fields["mocean-dlr-url"].endswith(f"/webhooks/mocean/delivery-report?token={TOKEN}&ctx.order=4+2")
        assert fields["mocean-dlr-url"].startswith("http://127.0.0.1:8000/")
        assert api.headers[0]["Authorization"] == f"Bearer {SECRET}"


def test_a_callback_url_that_comes_back(tmp_path: Path) -> None:
    url = f"{PUBLIC}/webhooks/mycoolsms/delivery-report?token={TOKEN}&ctx.order=42"
    with answering({"sendSms": {**OK_SENDSMS, "callbackurl": url}}) as api:
        ended = run(tmp_path, api, "send", "sms", "--to", NUMBER, "--json", TEXT, **MYCOOLSMS)
        assert json.loads(ended.stdout)["callback_url"] == url.replace(TOKEN, "***")


def test_a_text_from_stdin(tmp_path: Path) -> None:
    with answering({"/sms": OK_SMS}) as api:
        chosen = {**MOCEAN, "RINGBACK_MOCEAN_URL": api.url, "RINGBACK_TOKENS": f"acme:{TOKEN}"}
        for written, sent in (("two\nlines\n", "two\nlines"), ("Grüße 👋", "Grüße 👋")):
            ended = subprocess.run(
                [*RINGBACK, *SMS[:-1], "-"], env=clean_environment(**chosen), cwd=tmp_path, input=written.encode(),
                capture_output=True, timeout=60, check=False,
            )  # fmt: skip
            assert ended.returncode == 0, ended.stderr
            assert api.asked[-1][1]["mocean-text"] == sent


def test_reports_that_cannot_come(tmp_path: Path) -> None:
    """Of a provider who is not on this machine; that there is none who answers makes no difference."""
    settings = {**MOCEAN, "RINGBACK_PUBLIC_URL": ""}
    with answering({"/sms": OK_SMS}) as api:
        ended = run(tmp_path, api, *SMS, **settings, RINGBACK_PORT="0")
        assert ended.stderr == (
            "accepted by mocean; no report will come here: the port is chosen at the start; set RINGBACK_PUBLIC_URL to "
            "what the provider calls, https://…\n"
        )
        assert "mocean-dlr-url" not in api.asked[0][1]


PAID: Final = {"/account/balance": {"status": 0, "value": 100.5}, "getBalance": {"success": True, "balance": "12.34"}}


def rows(printed: str) -> list[list[str]]:
    return [line.split() for line in printed.splitlines()]


def test_balances(tmp_path: Path) -> None:
    both = {**MOCEAN, **MYCOOLSMS}
    with answering(PAID) as api:
        ended = run(tmp_path, api, "balance", **both)
        assert (ended.returncode, rows(ended.stdout)) == (
            0, [["account", "provider", "balance"], ["acme", "mocean", "100.5"], ["acme", "mycoolsms", "12.34", "EUR"]],
        )  # fmt: skip
        ended = run(tmp_path, api, "balance", "--provider", "mycoolsms", "--json", **both)
        assert json.loads(ended.stdout) == [
            {"account": "acme", "provider": "mycoolsms", "balance": "12.34", "unit": "EUR"}
        ]
        ended = run(tmp_path, api, "balance", "--account", "other", **both)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "the account other has no credentials (only acme)" in ended.stderr


def test_a_balance_that_cannot_be_asked(tmp_path: Path) -> None:
    with answering({**PAID, "/account/balance": {"status": 1}}) as api:
        ended = run(tmp_path, api, "balance", **MOCEAN, **MYCOOLSMS)
        assert (ended.returncode, rows(ended.stdout)[1:]) == (
            1, [["acme", "mocean", "?"], ["acme", "mycoolsms", "12.34", "EUR"]],
        )  # fmt: skip
        assert ended.stderr.startswith("acme: mocean balance: code 1: Authorization failed.")
        ended = run(tmp_path, api, "balance", **MOCEAN)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("ringback: mocean balance: code 1: Authorization failed.")


PRICES: Final = {
    "status": 0,
    "destinations": [
        {"country": "Default", "operator": "Default", "mcc": "Default", "mnc": "Default", "price": "2.0000",
         "currency": "MYR"},
        {"country": "Malaysia", "operator": "Maxis", "mcc": "502", "mnc": "12,17", "price": "0.0500",
         "currency": "MYR"},
    ],
}  # fmt: skip


def test_prices(tmp_path: Path) -> None:
    with answering({"/account/pricing": PRICES}) as api:
        ended = run(tmp_path, api, "pricing", **MOCEAN)
        assert (ended.returncode, rows(ended.stdout)) == (
            0, [["country", "operator", "mcc", "mnc", "price"], ["any", "other", "2.0000", "MYR"],
                ["Malaysia", "Maxis", "502", "12,17", "0.0500", "MYR"]],
        )  # fmt: skip
        ended = run(tmp_path, api, "pricing", "--mcc", "502", "--mnc", "12", "--json", **MOCEAN)
        assert json.loads(ended.stdout)[-1] == {
            "country": "Malaysia", "operator": "Maxis", "mcc": "502", "mnc": ["12", "17"], "price": "0.0500",
            "currency": "MYR",
        }  # fmt: skip
        assert api.asked[-1] == ("/account/pricing", {"mocean-mcc": "502", "mocean-mnc": "12", **SIGNED})
        ended = run(tmp_path, api, "pricing", "--mnc", "12", **MOCEAN)
        assert (ended.returncode, ended.stdout) == (2, "")


FOUND: Final = {
    "status": 0, "msgid": "CPASS_restapi_C0000002737000000.0002", "to": NUMBER,
    "current_carrier": {"country": "MY", "name": "U Mobile", "network_code": "50218", "mcc": "502", "mnc": "18"},
    "original_carrier": {"country": "MY", "name": "Maxis", "network_code": "50212", "mcc": "502", "mnc": "12"},
    "ported": "ported",
}  # fmt: skip


def test_lookups(tmp_path: Path) -> None:
    with answering({"/nl": FOUND, "doHlrLookup": {"success": True, "status": "HLR_STATUS_OK", "mcc": "262"}}) as api:
        ended = run(tmp_path, api, "lookup", f"+{NUMBER}", **MOCEAN)
        assert ended.returncode == 0
        assert ended.stdout.splitlines() == [
            "account: acme", "provider: mocean", "lookup_id: CPASS_restapi_C0000002737000000.0002",
            f"number: {NUMBER}", "current_carrier: country MY, name U Mobile, network_code 50218, mcc 502, mnc 18",
            "original_carrier: country MY, name Maxis, network_code 50212, mcc 502, mnc 12", "ported: ported",
        ]  # fmt: skip
        ended = run(tmp_path, api, "lookup", NUMBER, "--json", **MYCOOLSMS)
        found = json.loads(ended.stdout)
        assert (found["provider"], found["status"], found["mcc"]) == ("mycoolsms", "ok", "262")
        ended = run(tmp_path, api, "lookup", "63001", **MOCEAN)
        assert (ended.returncode, ended.stderr.partition(": ")[2].partition(":")[0]) == (2, "NUMBER")


LOUD: Final = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
    logging.getLogger(name).setLevel(logging.DEBUG)
from ringback import Mocean, MyCoolSms
with {client}.of("acme") as client:
    print(client, client.account, vars(client))
    client.{call}
"""


@pytest.mark.parametrize("answer", [{"status": 1}, (500, "{}"), (302, ""), (200, "<"), None, "nobody"], ids=str)
@pytest.mark.parametrize(
    ("client", "call"),
    [
        pytest.param("Mocean", f'sms(to="{NUMBER}", from_="ACME", text="{TEXT}")', id="a form"),
        pytest.param("Mocean", "balance()", id="a query, with the credentials in the URL"),
        pytest.param("MyCoolSms", f'sms(to="{NUMBER}", text="{TEXT}")', id="JSON"),
    ],
)
def test_the_canary_of_a_program_that_logs_all_and_catches_nothing(
    tmp_path: Path, client: str, call: str, answer: object
) -> None:
    with answering(dict.fromkeys(("/sms", "/account/balance", "sendSms"), answer)) as api:
        url = f"http://127.0.0.1:{free_port()}" if answer == "nobody" else api.url
        settings = {
            **MOCEAN, **MYCOOLSMS, "RINGBACK_TOKENS": f"acme:{TOKEN}", "RINGBACK_MOCEAN_URL": url,
            "RINGBACK_MYCOOLSMS_URL": url, "RINGBACK_PUBLIC_URL": PUBLIC, "PYTHONASYNCIODEBUG": "1",
        }  # fmt: skip
        program = LOUD.format(client=client, call=call)
        ended = subprocess.run(
            [sys.executable, "-c", program], env=clean_environment(**settings), cwd=tmp_path, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
    said = ended.stdout + ended.stderr
    assert (ended.returncode, "ringback.clients.errors." in said.splitlines()[-1]) == (1, True), said
    assert [one for one in (*PRIVATE, NUMBER[:-4], "Kwyjibo") if one in said] == []


def test_every_command_at_the_simulator(tmp_path: Path) -> None:
    """The other side is checked apart from ours: what it takes is what the documents ask for."""
    api = Answering(f"http://127.0.0.1:{free_port()}")
    settings = {
        **MOCEAN, **MYCOOLSMS, "RINGBACK_MOCEAN_URL": f"{api.url}/rest/2",
        "RINGBACK_MYCOOLSMS_URL": f"{api.url}/api-socket.php",
    }  # fmt: skip
    whatsapp = ["send", "whatsapp", "--to", f"+{NUMBER}", "--from", "60312345678"]
    with (
        process([*RINGBACK, "simulate", "--port", api.url.rpartition(":")[2]]),
        httpx.Client(base_url=api.url) as client,
    ):
        await_answer(client, "/", 404, "the simulator")
        for words in (
            SMS, [*SMS, "--provider", "mycoolsms"], [*whatsapp, TEXT],
            [*whatsapp, "--template", "welcome", "--language", "en", "--body", "Ada"],
            ["send", "call", "--to", f"+{NUMBER}", "--say", "Hello."], ["balance"], ["pricing", "--mcc", "502"],
            ["lookup", f"+{NUMBER}"], ["lookup", f"+{NUMBER}", "--provider", "mycoolsms"],
        ):  # fmt: skip
            ended = run(tmp_path, api, *words, **settings)
            assert (ended.returncode, bool(ended.stdout)) == (0, True), ended.stderr
