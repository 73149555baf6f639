"""The verdict: from the notes of the handlers, what was lost, what was run again, and whether a fault explains it."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from redis import Redis

from ringback.schemas.keys import RETRIES_QUEUE, Keys
from tests.chaos.faults import Fault
from tests.chaos.plan import HANDLERS, Kind, Plan

_LEDGER_WRITE_S: Final = 1.0
"""A handler's end is in the ledger by then, unless something happens: it is written each 50 ms and between handlers."""
_PAGE: Final = 2_000
_POISON: Final = Kind.POISON.lower()

Pair = tuple[int, str]


@dataclass(slots=True)
class Run:
    """One run of a handler on an event; `end` is None if it raised or its process died."""

    number: int
    handler: str
    pid: int
    worker: int
    start: float
    end: float | None = None


@dataclass
class Verdict:
    """What became of a run. Everything but `excused` and `letters` should be empty."""

    lost: list[Pair] = field(default_factory=list)
    repeats: Counter[str] = field(default_factory=Counter)
    undue: list[list[Run]] = field(default_factory=list)
    letters: int = 0
    innocent: list[Pair] = field(default_factory=list)
    stored_twice: list[int] = field(default_factory=list)
    not_stored: list[int] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Tell whether every promise was kept."""
        return not (self.lost or self.undue or self.innocent or self.stored_twice or self.not_stored)


def judge(plan: Plan, notes: Path, faults: Sequence[Fault], redis: Redis, keys: Keys) -> Verdict:
    """Compare what was sent with what was stored and what the handlers did with it."""
    verdict = Verdict()
    runs = runs_of(notes)
    entries = list(_stored(redis, keys))
    stored = Counter(number for _, number in entries)
    verdict.stored_twice = [number for number, times in stored.items() if times > 1]
    verdict.not_stored = [number for number in range(plan.events) if number not in stored]
    buried = _buried(redis, keys, dict(entries))
    verdict.letters = len(buried)
    explain = _Explanation([*faults, *_crashes(runs)])
    for number, kind in enumerate(plan.kinds):
        for handler in HANDLERS[kind]:
            pair = number, handler
            of_pair = sorted(runs.get(pair, []), key=lambda run: run.start)
            finished = [run for run in of_pair if run.end is not None]
            if not finished and pair not in buried:
                verdict.lost.append(pair)
            if pair in buried and handler != _POISON:
                verdict.innocent.append(pair)
            for again in of_pair[of_pair.index(finished[0]) + 1 :] if finished else ():
                reasons = [explain(run) for run in finished if run.start < again.start]
                verdict.repeats[reasons[0] or "nothing"] += 1
                if None in reasons:
                    verdict.undue.append(of_pair)
    return verdict


def runs_of(notes: Path) -> dict[Pair, list[Run]]:
    """Read what the handlers noted."""
    runs: dict[Pair, list[Run]] = defaultdict(list)
    for path in notes.iterdir():
        under_way: dict[Pair, Run] = {}
        for line in path.read_text().splitlines():
            at, pid, worker, handler, text, what = line.split()
            pair = int(text), handler
            if what == "start":
                run = under_way[pair] = Run(pair[0], handler, int(pid), int(worker), float(at))
                runs[pair].append(run)
            else:
                under_way.pop(pair).end = float(at)
    return runs


class _Explanation:
    """Names the fault that fell between a run's start and the ledger's next write, if there was one."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._to_all = [fault for fault in faults if fault.pids is None]
        self._to_one: dict[int, list[Fault]] = defaultdict(list)
        for fault in faults:
            for pid in fault.pids or ():
                self._to_one[pid].append(fault)

    def __call__(self, run: Run) -> str | None:
        until = (run.end or run.start) + _LEDGER_WRITE_S
        for fault in (*self._to_one[run.pid], *self._to_one[run.worker], *self._to_all):
            if fault.begin <= until and fault.end >= run.start:
                return fault.what
        return None


def _crashes(runs: dict[Pair, list[Run]]) -> Iterator[Fault]:
    for (_, handler), of_pair in runs.items():
        if handler == _POISON:
            for run in of_pair:
                yield Fault("poison", run.start, run.start, frozenset([run.pid]))


def _stored(redis: Redis, keys: Keys) -> Iterator[tuple[str, int]]:
    """Give the id and the number of each event in the stream."""
    after = "-"
    while page := cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(keys.events, after, count=_PAGE)):
        for entry_id, fields in page:
            event = json.loads(fields[b"event"])
            yield event["id"], int(event["data"]["context"]["n"])
            after = f"({entry_id.decode()}"


def _buried(redis: Redis, keys: Keys, number_of: dict[str, int]) -> set[Pair]:
    ids = cast("list[bytes]", redis.zrange(f"{keys.rq_prefix}:failed:{RETRIES_QUEUE}", 0, -1))
    buried = set()
    for job_id in ids:
        description = cast("bytes", redis.hget(keys.rq_job(job_id.decode()), "description")).decode()
        handler, _, event_id = description.partition(" on ")
        buried.add((number_of[event_id], handler.rpartition(".")[2]))
    return buried
