"""`ringback doctor` on sending: whose credentials work, and whether reports come back. It asks for balances alone."""

from pathlib import Path
from typing import Final

import pytest

from tests.support.answering import Answers, answering
from tests.support.doctor import graded
from tests.support.service import TOKEN, free_port

KEY, SECRET, USER, PASSWORD = "the-api-key", "the-api-secret", "the-user-name", "the-pass-word"
SECRETS: Final = (KEY, SECRET, USER, PASSWORD, TOKEN)
MOCEAN: Final = {"RINGBACK_MOCEAN_API_KEY": KEY, "RINGBACK_MOCEAN_API_SECRET": SECRET}
MYCOOLSMS: Final = {"RINGBACK_MYCOOLSMS_USERNAME": USER, "RINGBACK_MYCOOLSMS_PASSWORD": PASSWORD}
HERE: Final = {"RINGBACK_TOKENS": f"acme:{TOKEN}", "RINGBACK_ADMIN_PORT": "0", "RINGBACK_PORT": "{port}"}
PAID: Final = {"/account/balance": {"status": 0, "value": 100.5}, "getBalance": {"success": True, "balance": 12.34}}
NO_PORT: Final = "none: the port is chosen at the start"


@pytest.mark.parametrize(
    ("settings", "answers", "expected"),
    [
        pytest.param({}, {}, {"sending": ("ok", "no credentials: nothing can be sent from here")}, id="not configured"),
        pytest.param({**MOCEAN, **MYCOOLSMS}, PAID,
                     {"mocean of acme": ("ok", "balance 100.5"), "mycoolsms of acme": ("ok", "balance 12.34 EUR")},
                     id="all is well"),
        pytest.param({**MOCEAN, **MYCOOLSMS},
                     {"/account/balance": {"status": 1, "err_msg": f"no {SECRET}"},
                      "getBalance": {"success": False, "errorcode": 101, "errordescription": f"no {USER}"}},
                     {"mocean of acme": ("not ok", "credentials not accepted: Authorization failed. Invalid "
                                                   "mocean-api-key or mocean-api-secret."),
                      "mycoolsms of acme": ("not ok", "credentials not accepted: Login Failed. Wrong Username or "
                                                      "Password.")}, id="wrong credentials"),
        pytest.param({**MOCEAN, "RINGBACK_MOCEAN_URL": "http://127.0.0.1:{closed}"}, {},
                     {"mocean of acme": ("not ok", "not reached (ConnectError)")}, id="nobody there"),
        pytest.param(MOCEAN, {"/account/balance": (502, "<html>")},
                     {"mocean of acme": ("not ok", "HTTP 502, and the answer is not XML")}, id="a page of a proxy"),
        pytest.param(MOCEAN, {}, {"mocean of acme": ("not ok", "HTTP 404, and the answer is not JSON; check the "
                                                               "provider's URL")}, id="not the API"),
        pytest.param({**MOCEAN, "RINGBACK_PORT": "0"}, PAID,
                     {"mocean of acme": ("ok", "balance 100.5"),
                      "reports to acme by mocean": ("warning", "none: the port is chosen at the start")}, id="no port"),
        pytest.param({**MOCEAN, "RINGBACK_MOCEAN_URL": "http://mocean.invalid"}, {},
                     {"mocean URL": ("warning", "RINGBACK_MOCEAN_URL is http: all on the way can read the credentials"),
                      "reports to acme by mocean":
                          ("warning", "none: http://127.0.0.1:{port} reaches this machine only"),
                      "mocean of acme": ("not ok", "not reached (ConnectError)")}, id="not on this machine"),
        pytest.param({"RINGBACK_CREDENTIALS": "{folder}/keys.toml"}, PAID,
                     {"credentials file": ("warning", "{folder}/keys.toml can be read by other local users"),
                      "mocean of acme": ("ok", "balance 100.5"), "mocean of other": ("ok", "balance 100.5"),
                      "reports to other by mocean": ("warning", "none: the account other has no token")}, id="a file"),
        pytest.param({"RINGBACK_CREDENTIALS": "{folder}/nowhere", "RINGBACK_MOCEAN_API_KEY": KEY}, {},
                     {"sending": ("not ok", "RINGBACK_CREDENTIALS: {folder}/nowhere: cannot be read: no such file or "
                                            "directory")}, id="a file that is not there"),
    ],
)  # fmt: skip
def test_what_is_said_of_sending(
    tmp_path: Path, settings: dict[str, str], answers: Answers, expected: dict[str, tuple[str, str]]
) -> None:
    keys = f'[acme.mocean]\napi_token = "{SECRET}"\n[other.mocean]\napi_key = "{KEY}"\napi_secret = "{SECRET}"\n'
    (tmp_path / "keys.toml").write_text(keys)
    (tmp_path / "keys.toml").chmod(0o644)
    places = {"{folder}": str(tmp_path), "{port}": str(free_port()), "{closed}": str(free_port())}

    def filled(text: str) -> str:
        for place, value in places.items():
            text = text.replace(place, value)
        return text

    with answering(answers) as api:
        chosen = {**HERE, "RINGBACK_MOCEAN_URL": api.url, "RINGBACK_MYCOOLSMS_URL": api.url, **settings}
        found = graded(tmp_path, **{name: filled(value) for name, value in chosen.items()})
        names = ("sending", "credentials file", "mocean", "mycoolsms", "reports")
        about = {name: one for name, one in found.items() if name.startswith(names)}
        assert about == {name: (grade, filled(detail)) for name, (grade, detail) in expected.items()}
        assert [secret for secret in SECRETS if secret in str(found)] == []
        assert {name for name, _ in api.asked} <= {"/account/balance", "getBalance"}
