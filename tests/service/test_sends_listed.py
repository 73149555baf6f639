"""`ringback sends …`: what is sent is listed without texts and whole numbers, settled, sent again, dropped, paused."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ringback.outbox import queue
from ringback.outbox.draft import Draft, ref_of
from ringback.outbox.record import SendState
from ringback.outbox.slots import Slot
from ringback.sender.scripts import Fate
from ringback.workers.failures.letters import DEAD_LETTER_TTL_S
from tests.support.service import Service, free_port
from tests.support.still_outbox import ACCEPTED, IN_DOUBT, REFUSED, TEXT, asked, decided, draft


@pytest.fixture
def outbox(redis_url: str) -> Iterator[Service]:
    """Return an outbox that nobody sends from, of accounts `acme` and `other`."""
    made = Service(redis_url, f"t{ref_of(str(datetime.now(UTC)))}", free_port())
    yield made
    made.close()


def said(outbox: Service, *words: str, code: int = 0) -> str:
    """Run `ringback sends …`; return what it prints, or says where it prints nothing."""
    done = outbox.ringback("sends", *words)
    assert done.returncode == code, done.stderr
    return done.stdout or done.stderr


def listed(outbox: Service, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(said(outbox, "ls", "--json", *words))
    return found


def states(outbox: Service, *words: str) -> dict[str, str]:
    return {one["ref"]: one["state"] for one in listed(outbox, *words)}


def test_a_list_has_no_text_and_of_numbers_the_end_alone(outbox: Service) -> None:
    (ref,) = asked(outbox, draft())
    decided(outbox, {ref: REFUSED})
    (row,) = listed(outbox)
    times = {name: row.pop(name) for name in ("asked", "since")}
    assert all(datetime.fromisoformat(time).tzinfo is not None for time in times.values())
    assert row == {
        "ref": ref, "state": "refused", "kind": "sms", "provider": "mocean", "account": "acme", "sender": "…999",
        "recipient": "…789", "attempts": 0, "error": "insufficient_balance", "message_id": None, "session_id": None,
        "handler": "app.answer", "cause": "c0",
    }  # fmt: skip
    table = said(outbox, "ls")
    assert ref[:8] in table
    assert "insufficient_balance" in table
    assert not [secret for secret in ("4711", "60123456789", "60169999999") if secret in table + json.dumps(row)]


def test_a_handlers_own_call_has_no_recipient(outbox: Service) -> None:
    call = Draft("direct", "mocean", "acme", "", {"operation": "verify.sms", "key": "code"}, handler="app.code")
    ref = ref_of(outbox.prefix)
    Slot(outbox.redis, outbox.keys, ref, call, "worker").claim(60)
    (row,) = listed(outbox)
    assert [row[name] for name in ("ref", "kind", "state", "recipient", "sender", "handler")] == [
        ref, "direct", "claimed", None, None, "app.code",
    ]  # fmt: skip
    assert "app.code" in said(outbox, "ls")
    assert json.loads(said(outbox, "show", ref))["body"] == {"operation": "verify.sms", "key": "code"}


def test_one_is_shown_whole(outbox: Service) -> None:
    (ref,) = asked(outbox, draft())
    shown = json.loads(said(outbox, "show", ref[:6]))
    assert (shown["ref"], shown["recipient"], shown["sender"]) == (ref, "60123456789", "60169999999")
    assert (shown["body"], shown["context"], shown["in_doubt"]) == ({"text": TEXT}, {"ticket": "42"}, "hold")


def test_what_waits_behind_another_says_so(outbox: Service) -> None:
    first, second = asked(outbox, draft(), replace(draft(), cause="c1"))
    decided(outbox, {first: Fate(SendState.QUEUED, due_s=600, is_attempt=True)})
    shown = [json.loads(said(outbox, "show", ref)) for ref in (first, second)]
    assert [(one["ahead"], one["due"] is not None, one["attempts"]) for one in shown] == [(0, True, 1), (1, False, 0)]


def test_lists_are_narrowed_and_the_newest_come_last(outbox: Service) -> None:
    numbers = [f"+6012345678{last}" for last in range(4)]
    refs = asked(outbox, *(draft(number) for number in numbers), draft(account="other"))
    decided(outbox, {refs[0]: ACCEPTED, refs[1]: REFUSED, refs[2]: IN_DOUBT, refs[4]: ACCEPTED})
    assert states(outbox) == dict(zip(refs, ("accepted", "refused", "in_doubt", "claimed", "accepted"), strict=True))
    assert states(outbox, "--state", "accepted", "--account", "acme") == {refs[0]: "accepted"}
    assert states(outbox, "--in-doubt") == states(outbox, "--state", "in_doubt") == {refs[2]: "in_doubt"}
    assert len(listed(outbox, "--limit", "2")) == 2
    assert "write one of them" in said(outbox, "ls", "--in-doubt", "--state", "queued", code=2)


def test_a_ref_that_is_none_changes_nothing(outbox: Service) -> None:
    (ref,) = asked(outbox, draft())
    for words in (("drop", ref, "zzzz"), ("again", "zzzz"), ("show", "zzzz"), ("settle", "zzzz", "accepted")):
        assert "no send zzzz; `ringback sends ls` lists what is known" in said(outbox, *words, code=1)
    assert "a beginning needs 4 characters at least" in said(outbox, "show", ref[:3], code=1)
    assert states(outbox) == {ref: "queued"}


def test_what_is_in_doubt_is_settled_by_hand(outbox: Service) -> None:
    one, two, three = asked(outbox, *(draft(f"+6012345678{last}") for last in range(3)))
    decided(outbox, dict.fromkeys((one, two), IN_DOUBT) | {three: ACCEPTED})
    assert said(outbox, "settle", one, "accepted", "--message-id", "cust-7") == "Settled it: accepted.\n"
    assert said(outbox, "settle", two, "refused") == "Settled it: refused.\n"
    assert f"the send {three} is accepted; only what is in doubt" in said(outbox, "settle", three, "refused", code=1)
    assert "what was refused has none" in said(outbox, "settle", two, "refused", "--message-id", "x", code=2)
    assert states(outbox) == {one: "accepted", two: "refused", three: "accepted"}
    assert queue.ref_of_message(outbox.redis, outbox.keys, "mocean", "acme", "cust-7") == one
    assert outbox.redis.zcard(outbox.keys.outbox_doubt) == 0


def test_sends_go_out_again_or_never(outbox: Service) -> None:
    refused, doubtful, accepted, waiting = asked(outbox, *(draft(f"+6012345678{last}") for last in range(4)))
    decided(outbox, {refused: REFUSED, doubtful: IN_DOUBT, accepted: ACCEPTED, waiting: Fate(SendState.QUEUED, 600)})
    assert said(outbox, "again", refused, "--dry-run") == "1 to send again\n"
    assert states(outbox)[refused] == "refused"
    assert said(outbox, "again", refused, doubtful) == "2 to send again\nQueued 2 again.\n"
    assert "Queued 0 again." in said(outbox, "again", accepted, code=1)
    assert said(outbox, "drop", waiting, doubtful) == "2 to drop\nDropped 2.\n"
    assert states(outbox) == {refused: "queued", doubtful: "dropped", accepted: "accepted", waiting: "dropped"}


def test_what_waits_is_known_without_end_and_what_was_refused_longer_than_its_letter(outbox: Service) -> None:
    refs = waiting, refused, accepted, doubtful = asked(outbox, *(draft(f"+6012345678{last}") for last in range(4)))

    def left() -> list[int]:
        return [outbox.redis.ttl(outbox.keys.send(ref)) for ref in refs]

    decided(outbox, {waiting: Fate(SendState.QUEUED, 600), refused: REFUSED, accepted: ACCEPTED, doubtful: IN_DOUBT})
    assert [round(one / 3600) for one in left() if one > 0] == [15 * 24, 72]
    assert (left()[0], left()[3]) == (-1, -1)
    said(outbox, "again", refused)
    said(outbox, "settle", doubtful, "refused")
    assert left()[1] == -1
    assert left()[3] > DEAD_LETTER_TTL_S


def test_an_account_is_paused_and_goes_on(outbox: Service) -> None:
    assert said(outbox, "pause", "acme").endswith("What is under way is finished; what comes waits.\n")
    assert said(outbox, "pause", "acme").endswith("It was paused already.\n")
    (ref,) = asked(outbox, draft())
    decided(outbox, {ref: ACCEPTED})
    assert states(outbox) == {ref: "queued"}
    assert said(outbox, "resume", "acme").endswith("It goes on.\n")
    assert said(outbox, "resume", "acme") == "0 to resume: acme is not paused\n"
    decided(outbox, {ref: ACCEPTED})
    assert states(outbox) == {ref: "accepted"}
    assert '"nobody" is no account of RINGBACK_TOKENS' in said(outbox, "pause", "nobody", code=2)


def optouts(outbox: Service, *words: str, code: int = 0) -> str:
    done = outbox.ringback("optouts", *words)
    assert done.returncode == code, done.stderr
    return done.stdout or done.stderr


def test_opt_outs_are_listed_added_and_removed(outbox: Service) -> None:
    assert json.loads(optouts(outbox, "ls", "--json")) == []
    optouts(outbox, "add", "acme", "+60 16-999 9999", "+60 12-345 6789")
    (ref,) = asked(outbox, draft())
    (row,) = json.loads(optouts(outbox, "ls", "--json"))
    assert row.pop("since").endswith("Z")
    assert row == {"account": "acme", "ours": "60169999999", "theirs": "60123456789"}
    table = optouts(outbox, "ls")
    assert "…789" in table
    assert "60123456789" not in table
    assert json.loads(optouts(outbox, "ls", "--account", "other", "--json")) == []
    optouts(outbox, "remove", "acme", "60169999999", "60123456789")
    assert json.loads(optouts(outbox, "ls", "--json")) == []
    assert states(outbox) == {ref: "queued"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("nobody", "60169999999", "60123456789"), "is no account of RINGBACK_TOKENS", id="account"),
        pytest.param(("acme", "60169999999", "me"), "THEIRS: not a number", id="no number"),
        pytest.param(("acme", "a b", "60123456789"), "OURS: neither a number nor a sender id", id="no sender"),
    ],
)
def test_opt_outs_that_are_none(outbox: Service, words: tuple[str, ...], why: str) -> None:
    assert why in optouts(outbox, "add", *words, code=2)
