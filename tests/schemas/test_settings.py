"""Settings: each wrong value is one line that names the setting, says what is wrong, and what to write."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from ringback.schemas.settings import Settings, SettingsError


def load(monkeypatch: pytest.MonkeyPatch, folder: Path, **settings: str) -> Settings:
    """Load the settings with these and no others."""
    for name in [name for name in os.environ if name.startswith("RINGBACK_")]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(f"RINGBACK_{name}", value)
    monkeypatch.chdir(folder)
    return Settings.load()


NO_HOST = (
    "is not an address of this machine; write one such as 127.0.0.1 or ::1, its name, or 0.0.0.0 for every address"
)
NO_ADDRESS = "is no address; write https://host (in a user or a password / is %2F, # is %23, @ is %40)"
NO_URL = "is not a web address; write https://host"
NO_NUMBER = "not a whole number; write digits alone"
NO_MC = (
    '; write a text to say, or a JSON array of actions such as [{"action": "say", "language": "en-GB", "text": "…"}]'
)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("HOST", "", f'"" {NO_HOST}'),
        ("HOST", "two words", f'"two words" {NO_HOST}'),
        ("HOST", "256.1.1.1", f'"256.1.1.1" {NO_HOST}'),
        ("HOST", "[::1]", f'"[::1]" {NO_HOST}'),
        ("HOST", "a..b", f'"a..b" {NO_HOST}'),
        ("HOST", "127.0.0.1:8000", f'"127.0.0.1:8000" {NO_HOST}'),
        ("HOST", "a\nb", f'"a\\nb" {NO_HOST}'),
        ("ADMIN_HOST", "http://x", f'"http://x" {NO_HOST}'),
        ("PORT", "http", NO_NUMBER),
        ("PORT", "", NO_NUMBER),
        ("PORT", "80.5", NO_NUMBER),
        ("PORT", "70000", "too large; write 65535 or less"),
        ("ADMIN_PORT", "-1", "too small; write 0 or more"),
        ("PUBLIC_URL", "callbacks.example", NO_ADDRESS),
        ("PUBLIC_URL", "ftp://host", f"'ftp://host' {NO_URL}"),
        ("PUBLIC_URL", "https://ho st", f"'https://ho st' {NO_URL}"),
        ("PUBLIC_URL", "https://host/\x07", f"'https://host/\\x07' {NO_URL}"),
        ("PUBLIC_URL", "https://:80", f"'https://:80' {NO_URL}"),
        ("PUBLIC_URL", "https://host:99999", f"'https://host:99999' {NO_URL}"),
        ("PUBLIC_URL", "https://[::1", f"'https://[::1' {NO_URL}"),
        (
            "PUBLIC_URL", "https://host/?token=hidden",
            "has a ? or a # in it; write https://host, Ringback adds path and token itself",
        ),
        (
            "PUBLIC_URL", "https://host/webhooks/mocean/inbound-sms",
            "names a callback; write https://host, Ringback adds /webhooks/… itself",
        ),
        ("TOKENS", "acme", "item 1 has no token; write account:token"),
        ("TOKENS", "acme:one,two", "item 2 has no token; write account:token"),
        (
            "TOKENS", "acme:hidden thing",
            'the token of item 1 has a space or a control character in it; write one without, such as '
            "`ringback token new` makes",
        ),
        (
            "TOKENS", "acme:hidden,beta:hidden",
            "items 1 and 2 have the same token, so that nobody can tell whose a callback is; write another for one "
            "of them",
        ),
        ("DATA_DIR", " ", "names no folder; write one such as .ringback or /var/lib/ringback"),
        (
            "DATA_DIR", "~nobody-at-all/x",
            '"~nobody-at-all/x" is the home of an unknown user; write the whole path of a folder',
        ),
        ("VOICE_FALLBACK", "", f"not a valid Mocean Command: action 0, text: is blank{NO_MC}"),
        ("VOICE_FALLBACK", "[]", f"not a valid Mocean Command: an MC needs at least one action{NO_MC}"),
        ("VOICE_FALLBACK", '[{"action": "say"}]', f"not a valid Mocean Command: action 0, text: is missing{NO_MC}"),
        ("PREFIX", "a b", 'has a character that may not be in it; write up to 64 letters, digits, "_", "." and "-"'),
        ("VOICE_DEADLINE", "0.0001s", "too short; write 1ms to 30s"),
        ("VOICE_DEADLINE", "0", "too short; write 1ms to 30s"),
        ("VOICE_DEADLINE", "5m", "too long; write 1ms to 30s"),
        ("VOICE_DEADLINE", "9" * 400, "too long; write 1ms to 30s"),
        ("VOICE_DEADLINE", "soon", 'invalid duration "soon"; write a number with ms, s, m, h or d, such as 48h'),
        ("RETENTION", "9999999d", "too long; write 1s to 3650d"),
        ("DEDUP_TTL", "500ms", "too short; write 1s to 3650d"),
        ("CLAIM_IDLE", "2s", "too short; write 3s to 1h"),
        ("REQUEST_TIMEOUT", "2d", "too long; write 1s to 1h"),
        ("INSECURE", "maybe", '"maybe" is neither on nor off; write on or off'),
        ("SPOOL", "", '"" is neither on nor off; write on or off'),
        ("MAX_BODY", "256k", NO_NUMBER),
        ("MAX_BODY", "1000000000000", "too large; write 1048576 or less"),
        ("MAX_CONCURRENT", "0", "too small; write 1 or more"),
        ("RECEIVERS", "0", "too small; write 1 or more"),
        ("RECEIVERS", "65", "too large; write 64 or less"),
        ("SPOOL_MAX", "1GB", NO_NUMBER),
        ("WAIT_REPLICAS", "99", "too large; write 16 or less"),
        ("PARTITIONS", "-1", "too small; write 0 or more"),
        ("READY_LAG", "many", NO_NUMBER),
        ("LOG_FORMAT", "xml", "not one of its values; write 'auto', 'console' or 'json'"),
        ("LOG_LEVEL", "loud", "not one of its values; write 'debug', 'info', 'warning' or 'error'"),
        ("MOCEAN_TZ", "Mars/X", '"Mars/X" is not a time zone; write a name such as Asia/Kuala_Lumpur'),
        ("REDIS_URL", "redis://:hidden@host/x",
         "has no number as its database; write redis://host:port/db, such as …/0"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, line: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        load(monkeypatch, tmp_path, **{name: value})
    assert str(raised.value) == f"RINGBACK_{name}: {line}"
    assert "\n" not in str(raised.value)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HOST", "::1", "::1"),
        ("HOST", "receiver-1.internal", "receiver-1.internal"),
        ("PUBLIC_URL", "https://host/base/", "https://host/base"),
        ("PUBLIC_URL", "http://[::1]:8000", "http://[::1]:8000"),
        ("PUBLIC_URL", "", None),
        ("DATA_DIR", "~/ringback", Path.home() / "ringback"),
        ("INSECURE", "Yes", True),
        ("SPOOL", "off", False),
        ("VOICE_DEADLINE", "1500ms", timedelta(seconds=1.5)),
        ("RETENTION", "1s", timedelta(seconds=1)),
        ("CLAIM_IDLE", "3", timedelta(seconds=3)),
    ],
)
def test_what_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, expected: object) -> None:
    assert getattr(load(monkeypatch, tmp_path, **{name: value}), name.lower()) == expected


def test_several_wrong_settings_are_a_line_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load(monkeypatch, tmp_path, PORT="x", SPOOL="maybe")
    assert str(raised.value).splitlines() == [
        f"RINGBACK_PORT: {NO_NUMBER}", 'RINGBACK_SPOOL: "maybe" is neither on nor off; write on or off'
    ]  # fmt: skip
