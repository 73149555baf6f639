"""The verdict: what phones got, beside what was asked for and what Redis says of each send."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from redis import Redis

from ringback.outbox.record import SendState
from ringback.schemas.keys import Keys
from tests.chaos.replies.plan import ReplyPlan
from tests.support.outbox import PAGE, records_of


@dataclass
class ReplyVerdict:
    """What became of a run. Everything but `sent`, `states` and `in_doubt` should be empty.

    `in_doubt`: refs that the command line lists. `twice`: events whose answer a phone got more than once; `unasked`:
    texts that nobody is to have; `missing`: events without an answer that no record in doubt is about; `unlisted`: refs
    in doubt that the command line does not list; `proven`: refs in doubt whose report came from the phone; `untold`:
    refs without their one event `message.sent`.
    """

    sent: int = 0
    states: Counter[str] = field(default_factory=Counter)
    in_doubt: list[str] = field(default_factory=list)
    twice: list[int] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.twice or self.unasked or self.missing or self.unlisted or self.proven or self.untold)


def judge_replies(
    plan: ReplyPlan, inbox: Sequence[Mapping[str, Any]], listed: Sequence[str], redis: Redis, keys: Keys
) -> ReplyVerdict:
    """Compare what phones got with what was asked for; `listed`: refs that `ringback sends ls --in-doubt` has."""
    verdict = ReplyVerdict(sent=len(inbox), in_doubt=list(listed))
    got = Counter((str(one["to"]), str(one["content"]["text"])) for one in inbox)
    wanted = {(plan.phone(number), plan.text(number)): number for number in plan.answered}
    verdict.twice = sorted(wanted[one] for one, times in got.items() if times > 1 and one in wanted)
    verdict.unasked = [text for (phone, text), _ in got.items() if (phone, text) not in wanted]
    records = {record.draft.to: record for record in records_of(redis, keys)}
    verdict.states = Counter(record.state for record in records.values())
    events = sent_events(redis, keys)
    for one, number in wanted.items():
        record = records.get(one[0])
        if record is None or record.state not in (SendState.ACCEPTED, SendState.IN_DOUBT):
            verdict.missing.append(number)
        elif record.state is SendState.ACCEPTED:
            if one not in got:
                verdict.missing.append(number)
            if events[record.ref, "accepted"] != 1:
                verdict.untold.append(record.ref)
        else:
            if one in got:
                verdict.proven.append(record.ref)
            if record.ref not in listed:
                verdict.unlisted.append(record.ref)
            if events[record.ref, "in_doubt"] != 1:
                verdict.untold.append(record.ref)
    return verdict


def stored_events(redis: Redis, keys: Keys, after: str = "-") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events of the stream that came after an entry, with the ids of their entries."""
    while page := cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(keys.events, after, count=PAGE)):
        for entry_id, fields in page:
            after = f"({entry_id.decode()}"
            yield after, json.loads(fields[b"event"])


def sent_events(redis: Redis, keys: Keys) -> Counter[tuple[str, str]]:
    """Count the events that tell what became of a send, by its ref and status."""
    told = (one["data"] for _, one in stored_events(redis, keys) if one["type"] == "message.sent")
    return Counter((data["ref"], data["status"]) for data in told)
