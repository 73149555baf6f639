"""The command line: bad settings are one line that says what and where, with exit code 2, and no traceback."""

import json
import secrets
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from ringback.schemas.settings import Settings
from ringback.schemas.tokens import Token, Tokens
from tests.support.commands import ringback as forked
from tests.support.service import RINGBACK, TOKEN, clean_environment, free_port

MADE = "Vd3_kq-1Xw9ZbT0aLrYp5sGhNmCfEuJo"  # as `token new` makes them
GOOD = {"RINGBACK_TOKENS": f"acme:{TOKEN}"}


def ringback(folder: Path, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as a user does who is in that folder."""
    command, environment = [sys.executable, "-P", *RINGBACK[1:], *words], clean_environment(**settings)
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("words", "settings", "code", "error"),
    [
        pytest.param(["up"], {"RINGBACK_HANDLERS": "nowhere"}, 2,
                     'RINGBACK_HANDLERS: there is no module "nowhere" in {folder} or among the packages',
                     id="unknown handler module"),
        pytest.param(["up"], {"RINGBACK_HANDLERS": "broken"}, 2,
                     "RINGBACK_HANDLERS: broken cannot be imported: ZeroDivisionError: division by zero "
                     "({folder}/broken.py, line 1)", id="handler module that raises"),
        pytest.param(["up"], {"RINGBACK_HANDLERS": "misspelt"}, 2,
                     "RINGBACK_HANDLERS: misspelt: handle (misspelt.py, line 2): 'message.recieved' is no type of "
                     "event; use message.received, message.status, lookup.completed, call.incoming, call.input, "
                     "call.status, message.sent, call.placed or *", id="handler for an unknown type"),
        pytest.param(["up"], {"RINGBACK_TOKENS": "acme"}, 2,
                     "RINGBACK_TOKENS: item 1 has no token; write account:token", id="token list"),
        pytest.param(["up"], {"RINGBACK_TOKENS": "acme:"}, 2,
                     "RINGBACK_TOKENS: item 1 has no token; write account:token", id="empty token"),
        pytest.param(["up"], {"RINGBACK_TOKENS": f"acme:{MADE},{MADE}:acme"}, 2,
                     "RINGBACK_TOKENS: item 2 looks like token:account; write account:token", id="mixed up"),
        pytest.param(["config"], {"RINGBACK_TOKENS": "s3cr+t/of/acme:acme"}, 2,
                     "RINGBACK_TOKENS: item 1 begins with no account name; write account:token, and use up to 64 "
                     'letters, digits, "_", "." and "-"', id="mixed up, and no account's name"),
        *(pytest.param(["config"], {"RINGBACK_PUBLIC_URL": url}, 2,
                       "RINGBACK_PUBLIC_URL: is no address; write https://host (in a user or a password / is %2F, # is "
                       "%23, @ is %40)", id=f"public URL {number}")
          for number, url in enumerate(["ftp://me:pass-secret@a.example", "https://me:pass/secret@a.example",
                                        "https://me:pass@secret@[a.example", "https:pass-secret", "https://me:x@"])),
        pytest.param(["up"], {"RINGBACK_CREDENTIALS": "nowhere"}, 2,
                     "RINGBACK_CREDENTIALS: nowhere: cannot be read: no such file or directory; name a file "
                     "that this user may read", id="no file of credentials"),
        pytest.param(["up"], {"RINGBACK_TOKEN": "a:b"}, 2,
                     "RINGBACK_TOKEN: no such setting; did you mean RINGBACK_TOKENS?", id="misspelt setting"),
        pytest.param(["up"], {"RINGBACK_CLAIM_IDLE": "1s"}, 2,
                     "RINGBACK_CLAIM_IDLE: too short; write 3s to 1h", id="too short a claim"),
        pytest.param(["work"], {"RINGBACK_REDIS_URL": "redis://:secret@127.0.0.1:{port}/0?ssl_cert_reqs=none"}, 2,
                     "RINGBACK_REDIS_URL: has ssl_cert_reqs, which is for TLS; write rediss://…, or leave it out",
                     id="an option of TLS without it"),
        pytest.param(["up"], {"RINGBACK_HANDLERS": "./broken.py"}, 2,
                     'RINGBACK_HANDLERS: "./broken.py" is not the name of a module; write broken', id="a file's name"),
        pytest.param(["up"], {"RINGBACK_HANDLERS": "ringback.run"}, 2,
                     "RINGBACK_HANDLERS: ringback.run is Ringback's own and has no handlers; name your module, and "
                     "rename it if it is called ringback too", id="a module of ours"),
        pytest.param(["up"], {"RINGBACK_DATA_DIR": "broken.py"}, 2,
                     "RINGBACK_DATA_DIR: {folder}/broken.py is not a folder; name another one", id="a file as folder"),
        pytest.param(["serve"], {**GOOD, "RINGBACK_REDIS_URL": "redis://127.0.0.1:{port}/0", "RINGBACK_HOST": "a b"}, 2,
                     'RINGBACK_HOST: "a b" is not an address of this machine; write one such as 127.0.0.1 or ::1, its '
                     "name, or 0.0.0.0 for every address", id="no address"),
        pytest.param(["up"], {"RINGBACK_REDIS_URL": "redis://127.0.0.1:{port}/0"}, 1,
                     "RINGBACK_REDIS_URL: no Redis answers at 127.0.0.1:{port}/0 (Error 111 connecting to "
                     "127.0.0.1:{port}. Connection refused.)", id="up without its Redis"),
        pytest.param(["serve"], {**GOOD, "RINGBACK_REDIS_URL": "redis://user:secret@127.0.0.1:{port}",
                                 "RINGBACK_SPOOL": "off"}, 1,
                     "RINGBACK_REDIS_URL: no Redis answers at 127.0.0.1:{port} (Error 111 connecting to "
                     "127.0.0.1:{port}. Connection refused.)", id="serve without Redis and spool"),
        pytest.param(["work"], {"RINGBACK_REDIS_URL": "redis://127.0.0.1:{port}/0"}, 1,
                     "RINGBACK_REDIS_URL: no Redis answers at 127.0.0.1:{port}/0 (Error 111 connecting to "
                     "127.0.0.1:{port}. Connection refused.)", id="work without Redis"),
        pytest.param(["serve"], GOOD, 2,
                     "RINGBACK_REDIS_URL: not set, and no `ringback up` runs in this folder; write "
                     "redis://host:port/db", id="serve without a Redis URL"),
        pytest.param(["serve"], {"RINGBACK_REDIS_URL": "redis://127.0.0.1:{port}/0"}, 2,
                     "RINGBACK_TOKENS: not set, so anyone could post events; write account:token,…  "
                     "(or RINGBACK_INSECURE=1 to run without)", id="serve without tokens"),
        pytest.param(["work", "--queues", "events,fax"], {"RINGBACK_REDIS_URL": "redis://127.0.0.1:{port}/0"}, 2,
                     '--queues: "fax" is no queue; name some of events, voice, sends, polls', id="unknown queue"),
        pytest.param(["trigger", "mocean/fax"], {}, 2, None, id="unknown callback"),
        pytest.param(["trigger", "message.sent"], {}, 2,
                     "no callback makes a message.sent: it says what became of a send of ours; `ringback sim text "
                     "HELP` makes one, where a handler answers with ctx.reply", id="no callback, a message.sent"),
        pytest.param(["trigger", "call.placed"], {}, 2,
                     "no callback makes a call.placed: it says what became of a send of ours; `ringback sim text "
                     "HELP` makes one, where a handler answers with ctx.send.call", id="no callback, a call.placed"),
        pytest.param(["trigger", "mocean/inbound-sms", "--set", "mocean-txt=x"], {}, 2, None, id="unknown field"),
        pytest.param(["trigger", "mocean/inbound-sms"], {"RINGBACK_PORT": "{port}"}, 1,
                     "no Ringback answers at http://127.0.0.1:{port} (ConnectError); is `ringback up` running?",
                     id="trigger without a service"),
    ],
)  # fmt: skip
def test_one_line(tmp_path: Path, words: list[str], settings: dict[str, str], code: int, error: str | None) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "misspelt.py").write_text(
        "from ringback import on\n@on('message.recieved')\ndef handle(event):\n    pass\n"
    )
    port = str(free_port())
    chosen = {name: value.replace("{port}", port) for name, value in settings.items()}
    ended = forked(tmp_path, *words, **{"RINGBACK_PORT": "0", **chosen})
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.count("\n") == 1
    assert "Traceback" not in ended.stderr
    assert [secret for secret in ("secret", TOKEN, MADE, "s3cr") if secret in ended.stderr] == []
    if error is not None:
        assert ended.stderr == f"ringback: {error.format(folder=tmp_path, port=port)}\n"


def test_settings_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"RINGBACK_TOKENS=acme:{TOKEN}\nRINGBACK_PUBLIC_URL=https://example.com/\n")
    urls = ringback(tmp_path, "urls").stdout
    assert f"https://example.com/webhooks/mocean/inbound-sms?token={TOKEN}" in urls
    shown = ringback(tmp_path, "config", "--json").stdout
    assert TOKEN not in shown
    assert json.loads(shown)["RINGBACK_TOKENS"] == "acme:**********"


def test_no_secret_is_shown_whatever_setting_it_is_in(tmp_path: Path) -> None:
    settings = {
        "RINGBACK_TOKENS": f"acme:{TOKEN}", "RINGBACK_PUBLIC_URL": "https://me:pass-word@example.com:8443/x/",
        "RINGBACK_REDIS_URL": "redis://:pass-word@127.0.0.1:1/0", "RINGBACK_HANDLERS": f"a.{TOKEN}",
        "RINGBACK_VOICE_FALLBACK":
            f'[{{"action": "collect", "max": 1, "event-url": "https://a.example/?token={TOKEN}"}}]',
        "RINGBACK_MOCEAN_API_KEY": "api-key-of-acme", "RINGBACK_MOCEAN_API_SECRET": "pass-word",
        "RINGBACK_MYCOOLSMS_USERNAME": "user-of-acme",
    }  # fmt: skip
    shown = json.loads(ringback(tmp_path, "config", "--json", **settings).stdout)
    assert shown["RINGBACK_PUBLIC_URL"] == "https://***@example.com:8443/x"
    assert shown["RINGBACK_REDIS_URL"] == "redis://***@127.0.0.1:1/0"
    assert {shown[f"RINGBACK_{name}"] for name in (
        "MOCEAN_API_KEY", "MOCEAN_API_SECRET", "MYCOOLSMS_USERNAME")} == {"**********"}  # fmt: skip
    assert (shown["RINGBACK_MYCOOLSMS_PASSWORD"], shown["RINGBACK_SEND_TIMEOUT"]) == ("", "20s")
    assert "https://a.example/?token=***" in shown["RINGBACK_VOICE_FALLBACK"]
    for words in ("config", "config --json", "token ls", "trigger mocean/inbound-sms", "voice call"):
        ended = ringback(tmp_path, *words.split(), **settings)
        assert [
            one for one in (TOKEN, "pass-word", "key-of-acme", "user-of-acme") if one in ended.stdout + ended.stderr
        ] == []


@pytest.mark.parametrize(
    "account",
    ["acme", "acme-production-eu-west-1", "AcmeProductionEuWest1", "customer_0000000042", "20261127-141500-acme",
     "3f2b8c1e-9a4d-4e7b-b1c2-0d9e8f7a6b5c"],
)  # fmt: skip
def test_names_of_accounts(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_TOKENS", f"{account}:{MADE}")
    assert [token.account for token in Settings.load().tokens] == [account]


def test_tokens_are_seldom_taken_for_names() -> None:
    taken, tokens = 0, TypeAdapter[tuple[Token, ...]](Tokens)
    for _ in range(1000):
        with suppress(ValidationError):
            tokens.validate_python(f"{secrets.token_urlsafe(24)}:acme")
            taken += 1
    assert taken < 60


def test_the_list_of_samples_is_plain_for_a_script(tmp_path: Path) -> None:
    listed = ringback(tmp_path, "trigger", "--list").stdout.splitlines()
    assert listed[0] == "mocean/delivery-report"
    assert len(listed) == 10
