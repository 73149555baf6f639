"""What is configured for sending: settings, the file of credentials, and the clients that come of it."""

import os
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ringback.clients.accounts import (
    MOCEAN_URL,
    MYCOOLSMS_URL,
    ApiKey,
    ApiToken,
    MoceanAccount,
    MyCoolSmsAccount,
)
from ringback.clients.configured import Configured, SendingSettings
from ringback.clients.credentials import Access, Login
from ringback.clients.errors import NotConfiguredError
from ringback.clients.mocean.client import AsyncMocean, Mocean
from ringback.schemas.mc_actions import Language
from ringback.schemas.provider_names import Provider
from ringback.schemas.sending_settings import NOT_FOR_RECEIVERS, SECRET_SENDING, SENDING
from ringback.schemas.settings import Settings, SettingsError

TOKENS = "acme:the-secret-of-acme"
TWO = f"{TOKENS},acme.eu:another-secret"
SECRETS = ("k3y", "s3cret", "t0ken", "us3r", "p4ssword")
MOCEAN = {"MOCEAN_API_KEY": "k3y", "MOCEAN_API_SECRET": "s3cret"}
MYCOOLSMS = {"MYCOOLSMS_USERNAME": "us3r", "MYCOOLSMS_PASSWORD": "p4ssword"}
FILE = """
["acme.eu".mocean]
api_token = "t0ken"

[acme.mocean]
api_key = "k3y"
api_secret = "s3cret"
api_token = "t0ken"
sms_from = "ACME"
whatsapp_from = "60123456789"

[acme.mycoolsms]
username = "us3r"
password = "p4ssword"
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("RINGBACK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def set_all(monkeypatch: pytest.MonkeyPatch, file: str | bytes | None = None, **settings: str) -> None:
    """Set these; with the text of a file of credentials, which is in the folder as `keys.toml`."""
    if file is not None:
        Path("keys.toml").write_bytes(file if isinstance(file, bytes) else file.encode())
        settings = {"CREDENTIALS": "keys.toml", **settings}
    for name, value in settings.items():
        monkeypatch.setenv(f"RINGBACK_{name}", value)


def shown(access: Access) -> tuple[object, ...]:
    """Return all of an access, secrets too."""
    match access.credentials:
        case ApiKey(key, secret):
            credentials: tuple[str, ...] = (key, secret.get_secret_value())
        case ApiToken(token):
            credentials = (token.get_secret_value(),)
        case Login(username, password):
            credentials = (username, password.get_secret_value())
    return access.account, access.provider, credentials, access.sms_from, access.whatsapp_from


def test_the_names_that_settings_know_are_those_there_are() -> None:
    assert tuple(SendingSettings.model_fields) == SENDING
    assert set(SENDING) & set(Settings.model_fields) == set()
    secret = [name for name, one in SendingSettings.model_fields.items() if "SecretStr" in str(one.annotation)]
    assert tuple(secret) == SECRET_SENDING
    assert {f"RINGBACK_{name}".upper() for name in (*SECRET_SENDING, "credentials")} == NOT_FOR_RECEIVERS


def test_settings_refuse_a_mistyped_name_and_read_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, **MOCEAN, CREDENTIALS="/", SEND_TIMEOUT="never")
    assert "s3cret" not in repr(Settings.load())
    set_all(monkeypatch, MOCEAN_API_SECRT="s3cret")
    with pytest.raises(SettingsError) as raised:
        Settings.load()
    assert str(raised.value) == "RINGBACK_MOCEAN_API_SECRT: no such setting; did you mean RINGBACK_MOCEAN_API_SECRET?"


@pytest.mark.parametrize(
    ("settings", "file", "expected"),
    [
        pytest.param({}, None, [], id="nothing"),
        pytest.param({"MOCEAN_API_KEY": "", "CREDENTIALS": "", "SEND_TIMEOUT": ""}, None, [], id="empty variables"),
        pytest.param({"TOKENS": TOKENS, **MOCEAN}, None, [("acme", "mocean", ("k3y", "s3cret"), None, None)],
                     id="of the only account"),
        pytest.param({"TOKENS": f"{TOKENS},acme:a-second-secret", "MOCEAN_API_TOKEN": "t0ken"}, None,
                     [("acme", "mocean", ("t0ken",), None, None)], id="a token, of one account with two secrets"),
        pytest.param({"INSECURE": "on", **MOCEAN, **MYCOOLSMS}, None,
                     [("default", "mocean", ("k3y", "s3cret"), None, None),
                      ("default", "mycoolsms", ("us3r", "p4ssword"), None, None)], id="of the insecure account"),
        pytest.param({"TOKENS": TOKENS, **MOCEAN, "MOCEAN_API_TOKEN": "t0ken"}, None,
                     [("acme", "mocean", ("k3y", "s3cret"), None, None)], id="the documented ones before a token"),
        pytest.param({"TOKENS": TWO}, FILE,
                     [("acme", "mocean", ("k3y", "s3cret"), "ACME", "60123456789"),
                      ("acme", "mycoolsms", ("us3r", "p4ssword"), None, None),
                      ("acme.eu", "mocean", ("t0ken",), None, None)], id="a file"),
        pytest.param({"TOKENS": TOKENS, **MYCOOLSMS}, '[acme.mocean]\napi_token = "t0ken"',
                     [("acme", "mocean", ("t0ken",), None, None),
                      ("acme", "mycoolsms", ("us3r", "p4ssword"), None, None)], id="both"),
        pytest.param({}, "", [], id="an empty file"),
    ],
)  # fmt: skip
def test_what_is_configured(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], file: str | None, expected: list[tuple[object, ...]]
) -> None:
    set_all(monkeypatch, file, **settings)
    configured = Configured.load()
    assert [shown(access) for access in configured.accesses] == expected
    assert [secret for secret in SECRETS if secret in repr(configured) + str(configured)] == []


def test_a_file_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(f"RINGBACK_TOKENS={TOKENS}\nRINGBACK_MOCEAN_API_TOKEN=t0ken\nRINGBACK_SEND_TIMEOUT=1m\n")
    configured = Configured.load()
    assert [shown(access)[:3] for access in configured.accesses] == [("acme", "mocean", ("t0ken",))]
    assert (configured.sending.send_timeout, configured.timeout) == (timedelta(minutes=1), 60.0)


NO_TOML = 'not TOML; write tables such as [ACCOUNT.mocean], and values in quotes: api_key = "…"'
NO_TABLE = "stands in no table; write it below [ACCOUNT.mocean]"
IN_FILE = "RINGBACK_CREDENTIALS: keys.toml"
IN_ACME = f"{IN_FILE}: [acme.mocean]"
KEY_AND_SECRET = "write api_key and api_secret, or api_token alone"


@pytest.mark.parametrize(
    ("settings", "file", "lines"),
    [
        pytest.param({"TOKENS": TOKENS, "MOCEAN_API_KEY": "k3y"}, None,
                     [f"RINGBACK_MOCEAN_API_SECRET: not set, and others of it are; {KEY_AND_SECRET}"], id="half a key"),
        pytest.param({"TOKENS": TOKENS, "MOCEAN_API_SECRET": "s3cret", "MOCEAN_API_TOKEN": "t0ken"}, None,
                     [f"RINGBACK_MOCEAN_API_KEY: not set, and others of it are; {KEY_AND_SECRET}"],
                     id="half a key beside a token"),
        pytest.param({"TOKENS": TOKENS, "MYCOOLSMS_USERNAME": "us3r"}, None,
                     ["RINGBACK_MYCOOLSMS_PASSWORD: not set, and others of it are; write username and password"],
                     id="no password"),
        pytest.param({"TOKENS": TWO, **MOCEAN}, None,
                     ["RINGBACK_MOCEAN_API_KEY: RINGBACK_TOKENS has several accounts (acme, acme.eu), so nobody can "
                      "tell whose it is; write [ACCOUNT.mocean] in a file, and name that in RINGBACK_CREDENTIALS"],
                     id="of which account"),
        pytest.param({"MOCEAN_API_KEY": " k3y", "MYCOOLSMS_PASSWORD": "p4ss\nword"}, None,
                     ["RINGBACK_MOCEAN_API_KEY: begins or ends with a space; write it without",
                      "RINGBACK_MYCOOLSMS_PASSWORD: has a control character in it; write it without"],
                     id="no credentials of a provider's"),
        pytest.param({"MOCEAN_URL": "rest.moceanapi.com", "MYCOOLSMS_URL": "https://us3r:p4ssword@a.example/"}, None,
                     [f"RINGBACK_{name}_URL: not the URL of an API; write https://host/path, without a user, a "
                      "password, a ? or a #" for name in ("MOCEAN", "MYCOOLSMS")], id="URLs"),
        pytest.param({"SEND_TIMEOUT": "0"}, None, ["RINGBACK_SEND_TIMEOUT: too short; write 1s to 10m"], id="no time"),
        pytest.param({"SEND_TIMEOUT": "soon"}, None, [
            'RINGBACK_SEND_TIMEOUT: invalid duration "soon"; write a number with ms, s, m, h or d, such as 48h'],
                     id="no duration"),
        pytest.param({"CREDENTIALS": "nowhere.toml"}, None,
                     ["RINGBACK_CREDENTIALS: nowhere.toml: cannot be read: no such file or directory; name a file that "
                      "this user may read"], id="no such file"),
        pytest.param({"CREDENTIALS": "."}, None,
                     ["RINGBACK_CREDENTIALS: .: cannot be read: is a directory; name a file that this user may read"],
                     id="a folder"),
        pytest.param({}, '[acme.mocean]\napi_key = k3y"s3cret', [f"{IN_FILE}, line 2: {NO_TOML}"], id="no TOML"),
        pytest.param({}, '[acme.mocean]\napi_key = "k3y', [f"{IN_FILE}, at its end: {NO_TOML}"], id="no end"),
        pytest.param({}, '[acme.mocean]\napi_key = "k3y"\napi_key = "s3cret"\n', [f"{IN_FILE}, line 3: {NO_TOML}"],
                     id="a key twice"),
        pytest.param({}, '[acme.mocean]\napi_key = "k\xfc"'.encode("latin-1"),
                     [f"{IN_FILE}: not a text in UTF-8; save it as UTF-8"], id="not UTF-8"),
        pytest.param({}, 'api_key = "k3y"', [f"{IN_FILE}: api_key: {NO_TABLE}"], id="no table"),
        pytest.param({}, '"k3y/s3cret" = 1', [f"{IN_FILE}: a key: {NO_TABLE}"], id="what may be a secret, as a key"),
        pytest.param({}, '["a b".mocean]', [
            f"{IN_FILE}: a table has the name of no account; write [ACCOUNT.mocean], as RINGBACK_TOKENS names it"],
                     id="no name of an account"),
        pytest.param({}, '[acme]\napi_key = "k3y"',
                     [f"{IN_FILE}: [acme] api_key: no such provider; write [acme.mocean] or [acme.mycoolsms]"],
                     id="no provider"),
        pytest.param({}, '[acme.mocen]\napi_key = "k3y"', [
            f"{IN_FILE}: [acme] mocen: no such provider; did you mean mocean?"], id="a mistyped provider"),
        pytest.param({}, '[acme.eu.mocean]\napi_key = "k3y"', [
            f'{IN_FILE}: [acme] eu: no such provider; an account with a "." in its name needs quotes: '
            '["acme.eu".mocean]'], id="a point in a name"),
        pytest.param({}, '[acme]\nmocean = "k3y"', [
            f"{IN_FILE}: [acme] mocean: not a table; write [acme.mocean], and below it api_key and api_secret, or "
            "api_token alone"], id="no table of a provider"),
        pytest.param({}, '[acme.mocean]\napi_sekret = "s3cret"', [
            f"{IN_ACME} api_sekret: no such key; did you mean api_secret?"], id="a mistyped key"),
        pytest.param({}, '[acme.mocean]\npin = "s3cret"', [
            f"{IN_ACME} pin: no such key; write api_key, api_secret, api_token, sms_from, whatsapp_from"], id="no key"),
        pytest.param({}, "[acme.mocean]\napi_key = 1234\nsms_from = 63001", [
            f'{IN_ACME} {key}: not a text; write it in quotes: {key} = "…"' for key in ("api_key", "sms_from")],
                     id="numbers"),
        pytest.param({}, '[acme.mocean]\napi_key = "k3y\\n"', [
            f"{IN_ACME} api_key: begins or ends with a space; write it without"], id="a newline"),
        pytest.param({}, '[acme.mocean]\nsms_from = "ACME"', [f"{IN_ACME} api_key: not there; {KEY_AND_SECRET}"],
                     id="no credentials"),
        pytest.param({}, '[acme.mycoolsms]\nusername = "us3r"\npassword = ""', [
            f"{IN_FILE}: [acme.mycoolsms] password: not there; write username and password"], id="an empty password"),
        pytest.param({"TOKENS": TOKENS, **MOCEAN}, FILE, [
            f"{IN_ACME}: RINGBACK_MOCEAN_… is set too; write one of them"], id="in both places"),
        pytest.param({}, '[acme.mocen]\n[acme.mocean]\nx = 1', [
            f"{IN_FILE}: [acme] mocen: no such provider; did you mean mocean?",
            f"{IN_ACME} x: no such key; write api_key, api_secret, api_token, sms_from, whatsapp_from"],
                     id="several lines"),
    ],
)  # fmt: skip
def test_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], file: str | bytes | None, lines: list[str]
) -> None:
    set_all(monkeypatch, file, **settings)
    with pytest.raises(SettingsError) as raised:
        Configured.load()
    assert str(raised.value).split("\n") == lines
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    assert [secret for secret in SECRETS if secret in str(raised.value)] == []


BOTH = "RINGBACK_MOCEAN_API_KEY and RINGBACK_MOCEAN_API_SECRET (or RINGBACK_MOCEAN_API_TOKEN alone)"
OF_FILE = "with api_key and api_secret, or api_token alone in the file that RINGBACK_CREDENTIALS names"


@pytest.mark.parametrize(
    ("settings", "file", "provider", "account", "reason"),
    [
        pytest.param({"TOKENS": TOKENS}, None, "mocean", None,
                     f"no account has credentials; set {BOTH}, or write [acme.mocean] {OF_FILE}", id="nothing"),
        pytest.param({"TOKENS": TWO}, None, "mocean", "acme.eu",
                     f'the account acme.eu has no credentials; write ["acme.eu".mocean] {OF_FILE}', id="one of two"),
        pytest.param({"TOKENS": TOKENS, **MOCEAN}, None, "mycoolsms", "acme",
                     "the account acme has no credentials; set RINGBACK_MYCOOLSMS_USERNAME and "
                     "RINGBACK_MYCOOLSMS_PASSWORD, or write [acme.mycoolsms] with username and password in the file "
                     "that RINGBACK_CREDENTIALS names", id="of the other provider"),
        pytest.param({"TOKENS": TWO}, FILE, "mocean", None,
                     "several accounts have credentials (acme, acme.eu); name one of them", id="which"),
        pytest.param({"TOKENS": TWO}, FILE, "mocean", "amce",
                     f"the account amce has no credentials (only acme, acme.eu); write [amce.mocean] {OF_FILE}",
                     id="a mistyped account"),
        pytest.param({}, None, "mocean", "a b", "the account's name is none that RINGBACK_TOKENS could have",
                     id="no account"),
    ],
)  # fmt: skip
def test_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    file: str | None,
    provider: Provider,
    account: str | None,
    reason: str,
) -> None:
    set_all(monkeypatch, file, **settings)
    with pytest.raises(NotConfiguredError) as raised:
        Configured.load().account(provider, account)
    assert (raised.value.provider, raised.value.operation, raised.value.reason) == (provider, "client", reason)
    assert (raised.value.permanent, raised.value.sent) == (True, "no")


HTTPS = "https://callbacks.example.com"
EVERY_IPV4 = "0.0.0.0"  # noqa: S104 - what a user writes
SIMULATED = {"MOCEAN_URL": "http://127.0.0.1:8010/rest/2", "MYCOOLSMS_URL": "http://localhost:8010/api-socket.php"}


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        pytest.param({"PUBLIC_URL": HTTPS}, f"{HTTPS}/webhooks/x?token=the-secret-of-acme&ctx.order=4", id="public"),
        pytest.param({}, None, id="a loopback address, and a provider who is not here"),
        pytest.param({"PUBLIC_URL": "http://localhost:8000"}, None, id="by name"),
        pytest.param({"HOST": EVERY_IPV4}, None, id="every address"),
        pytest.param({**SIMULATED}, "http://127.0.0.1:8000/webhooks/x?token=the-secret-of-acme&ctx.order=4",
                     id="all is here"),
        pytest.param({**SIMULATED, "HOST": "::"}, "http://[::1]:8000/webhooks/x?token=the-secret-of-acme&ctx.order=4",
                     id="all is here, on every address"),
        pytest.param({**SIMULATED, "PORT": "0"}, None, id="a port that is not known yet"),
        pytest.param({"PUBLIC_URL": HTTPS, "TOKENS": "other:the-other-secret"}, None, id="no token of this account"),
        pytest.param({"PUBLIC_URL": HTTPS, "TOKENS": ""}, None, id="no token at all"),
        pytest.param({"PUBLIC_URL": HTTPS, "TOKENS": "", "INSECURE": "1"}, f"{HTTPS}/webhooks/x?ctx.order=4",
                     id="none needed"),
        pytest.param({"PUBLIC_URL": HTTPS, "TOKENS": f"acme:a-new-secret,{TOKENS}"},
                     f"{HTTPS}/webhooks/x?token=a-new-secret&ctx.order=4", id="the first token"),
    ],
)  # fmt: skip
def test_callback_urls(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], url: str | None) -> None:
    set_all(monkeypatch, FILE, **{"TOKENS": TOKENS, **settings})
    configured = Configured.load()
    for provider in ("mocean", "mycoolsms"):
        account = configured.account(provider, "acme")
        assert account.callback_url("x", {"order": "4"}) == url
        assert bool(configured.no_callbacks(configured.access(provider, "acme"))) is (url is None)


def test_all_that_an_account_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, FILE, TOKENS=TWO)
    eu = Configured.load().account("mocean", "acme.eu")
    assert isinstance(eu, MoceanAccount)
    assert (eu.url, eu.zone, eu.language) == (MOCEAN_URL, ZoneInfo("Asia/Kuala_Lumpur"), Language.ENGLISH_GB)
    assert eu.post("sms", "/sms", {}).headers["Authorization"] == "Bearer t0ken"
    cool = Configured.load().account("mycoolsms")
    assert isinstance(cool, MyCoolSmsAccount)
    assert (cool.url, cool.username, cool.password.get_secret_value()) == (MYCOOLSMS_URL, "us3r", "p4ssword")
    set_all(monkeypatch, **SIMULATED, MOCEAN_TZ="Europe/Berlin", VOICE_LANGUAGE="cmn-CN")
    account = Configured.load().account("mocean", "acme")
    assert isinstance(account, MoceanAccount)
    assert (account.url, account.zone.key, account.language) == (SIMULATED["MOCEAN_URL"], "Europe/Berlin", "cmn-CN")


async def test_clients_of_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, FILE, TOKENS=TWO, SEND_TIMEOUT="7s", PUBLIC_URL=HTTPS)
    wanted = Configured.load().account("mocean", "acme")
    with Mocean.of("acme") as client:
        assert (type(client), client.account, client.transport.timeout) == (Mocean, wanted, 7.0)
    async with AsyncMocean.of("acme", Settings.load()) as asynchronous:
        found = (type(asynchronous), asynchronous.account, asynchronous.transport.timeout)
        assert found == (AsyncMocean, wanted, 7.0)
    with pytest.raises(NotConfiguredError, match="several accounts have credentials"):
        Mocean.of()
    set_all(monkeypatch, "[acme\n")
    with pytest.raises(NotConfiguredError, match=r"keys\.toml, line 1: not TOML") as raised:
        AsyncMocean.of("acme")
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
