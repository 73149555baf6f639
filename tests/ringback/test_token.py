"""Tokens: made, told apart, and changed while callbacks come with both."""

import json
import re
from pathlib import Path

import pytest

from ringback.schemas.settings import Settings
from tests.support.commands import ringback

MADE = re.compile(r"(?P<account>[^:]+):(?P<secret>[A-Za-z0-9_-]{32})\n")


@pytest.mark.parametrize(
    ("words", "account"),
    [pytest.param([], "default", id="without a name"), pytest.param(["acme"], "acme", id="of an account")],
)
def test_a_new_token(tmp_path: Path, words: list[str], account: str) -> None:
    first, second = (ringback(tmp_path, "token", "new", *words) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    # Nothing else on stdout, so that it can go into a file.
    made = MADE.fullmatch(first.stdout)
    assert made is not None
    assert made["account"] == account
    assert f"RINGBACK_TOKENS={account}:<new>,{account}:<old>" in first.stderr
    assert made["secret"] not in first.stderr
    assert first.stdout != second.stdout
    assert list(tmp_path.iterdir()) == []


def test_no_name_of_an_account(tmp_path: Path) -> None:
    ended = ringback(tmp_path, "token", "new", "a b")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        'ringback: "a b" is no account name; use up to 64 letters, digits, "_", "." and "-"\n'
    )  # fmt: skip


def test_tokens_are_told_apart_and_not_shown(tmp_path: Path) -> None:
    settings = {"RINGBACK_TOKENS": "acme:new-secret,acme:old-secret,other:third-secret"}
    listed = ringback(tmp_path, "token", "ls", "--json", **settings)
    rows = json.loads(listed.stdout)
    assert [(row["account"], row["in_new_urls"]) for row in rows] == [("acme", True), ("acme", False), ("other", True)]
    prints = [row["fingerprint"] for row in rows]
    assert len(set(prints)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}", one) for one in prints)
    table = ringback(tmp_path, "token", "ls", **settings)
    assert [line.split() for line in table.stdout.splitlines()[1:]] == [
        ["acme", prints[0], "in", "new", "URLs"], ["acme", prints[1], "accepted"],
        ["other", prints[2], "in", "new", "URLs"],
    ]  # fmt: skip
    assert "secret" not in listed.stdout + table.stdout + listed.stderr + table.stderr


def test_urls_have_the_first_token_of_each_account(tmp_path: Path) -> None:
    settings = {"RINGBACK_TOKENS": "acme:new-secret,acme:old-secret,other:third-secret"}
    urls = json.loads(ringback(tmp_path, "urls", "--json", **settings).stdout)
    assert {(one["account"], one["url"].partition("token=")[2]) for one in urls} == {
        ("acme", "new-secret"), ("other", "third-secret")
    }  # fmt: skip


def test_the_first_token_of_each_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_TOKENS", "b:1,a:2,b:3,a:4")
    assert [token.secret.get_secret_value() for token in Settings.load().first_tokens] == ["1", "2"]
