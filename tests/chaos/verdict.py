"""The verdict: from the notes of the handlers, what was lost, what was run again, and whether a fault explains it."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from redis import Redis

from ringback.schemas.keys import EVENTS_QUEUE, Keys
from ringback.workers.handling.notes import MAX_DEATHS
from ringback.workers.running.limits import GRACE_S
from tests.chaos.faults import Fault
from tests.chaos.plan import DOOMED, HANDLERS, HANGING_TIMEOUT_S, Kind, Plan

_LEDGER_WRITE_S: Final = 1.0
"""What has ended is in the ledger by then, unless something happens or the interpreter is held: it is written each
100 ms."""
_DIES_WITHIN_S: Final = 1.0
_HELD_AT_MOST_S: Final = 60.0
_PAGE: Final = 2_000
_POISONS: Final = (Kind.POISON.lower(), Kind.RELAPSE.lower())
_HANGING: Final = Kind.HANGING.lower()
_DOOMED: Final = tuple(kind.lower() for kind in DOOMED)

Pair = tuple[int, str]


@dataclass(slots=True)
class Run:
    """One run of a handler on an event. `settled`: when it ended or raised, or its limit did so; None: its process
    died.
    """

    number: int
    handler: str
    attempt: int
    pid: int
    worker: int
    start: float
    settled: float | None = None
    finished: bool = False

    @property
    def kills(self) -> bool:
        """Whether it kills its process."""
        return self.handler in _POISONS and self.settled is None


@dataclass
class Verdict:
    """What became of a run. Everything but `repeats`, `latest_s`, `letters` and `deaths` should be empty.

    `repeats`: how many settled attempts were made again beside which fault; `latest_s`: how many seconds after the end
    of such an attempt it fell at the most, which is what two writes of the ledger are apart. `deaths`: how many runs
    have killed their process how often.
    """

    lost: list[Pair] = field(default_factory=list)
    repeats: Counter[str] = field(default_factory=Counter)
    latest_s: dict[str, float] = field(default_factory=dict)
    undue: list[list[Run]] = field(default_factory=list)
    letters: int = 0
    innocent: list[Pair] = field(default_factory=list)
    deaths: Counter[int] = field(default_factory=Counter)
    wrong_deaths: list[list[Run]] = field(default_factory=list)
    not_alone: list[Run] = field(default_factory=list)
    stored_twice: list[int] = field(default_factory=list)
    not_stored: list[int] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not (
            self.lost
            or self.undue
            or self.innocent
            or self.wrong_deaths
            or self.not_alone
            or self.stored_twice
            or self.not_stored
        )


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
    of_process = _by_process(runs)
    explain = _Explanation([*faults, *_crashes(runs), *_ended_by_parent(of_process)], of_process)
    for number, kind in enumerate(plan.kinds):
        for handler in HANDLERS[kind]:
            pair = number, handler
            of_pair = sorted(runs.get(pair, []), key=lambda run: run.start)
            if pair not in buried and not any(run.finished for run in of_pair):
                verdict.lost.append(pair)
            if pair in buried and handler not in _DOOMED:
                verdict.innocent.append(pair)
            _look_for_repeats(of_pair, explain, verdict)
            if handler in _POISONS:
                _look_at_deaths([run for run in of_pair if run.kills], of_process, verdict)
    return verdict


def _look_for_repeats(of_pair: list[Run], explain: "_Explanation", verdict: Verdict) -> None:
    """An attempt that is settled is not made again, nor an earlier one, unless a fault came before the ledger."""
    for place, again in enumerate(of_pair):
        settled = [run for run in of_pair[:place] if run.settled is not None and run.attempt >= again.attempt]
        if settled:
            reasons = [explain(run) for run in settled]
            reason = reasons[0] or Reason("nothing", 0.0)
            verdict.repeats[reason.what] += 1
            verdict.latest_s[reason.what] = max(verdict.latest_s.get(reason.what, 0.0), reason.after_s)
            if None in reasons:
                verdict.undue.append(of_pair)


def _look_at_deaths(deaths: list[Run], of_process: dict[int, list[Run]], verdict: Verdict) -> None:
    """A run that kills does so once among others at most, and then alone, `MAX_DEATHS` times.

    `run_alone` counts before each start, and buries what it counts for more than the `MAX_DEATHS`th time. So there are
    `MAX_DEATHS` starts alone, one fewer where a fault ends the process between count and start; and at most one before
    them, with what else was in flight there: from then on the entry is a suspect's. In retries it is the same, since a
    run that was due is an entry of its own.
    """
    if not MAX_DEATHS - 1 <= len(deaths) <= MAX_DEATHS + 1:
        verdict.wrong_deaths.append(deaths)
    verdict.deaths[len(deaths)] += 1
    for death in deaths[1:]:
        others = [run for run in of_process[death.pid] if run is not death]
        if any(run.start > death.start or run.settled is None or run.settled > death.start for run in others):
            verdict.not_alone.append(death)


def runs_of(notes: Path) -> dict[Pair, list[Run]]:
    """Read what the handlers noted."""
    runs: dict[Pair, list[Run]] = defaultdict(list)
    for path in notes.iterdir():
        under_way: dict[str, Run] = {}
        for line in path.read_text().splitlines():
            at, pid, worker, handler, text, attempt, serial, what = line.split()
            if what == "start":
                run = under_way[serial] = Run(int(text), handler, int(attempt), int(pid), int(worker), float(at))
                runs[run.number, handler].append(run)
                if handler == _HANGING:
                    run.settled = run.start + HANGING_TIMEOUT_S
            else:
                run = under_way.pop(serial)
                run.settled, run.finished = float(at), what == "end"
    return runs


def _by_process(runs: dict[Pair, list[Run]]) -> dict[int, list[Run]]:
    of_process: dict[int, list[Run]] = defaultdict(list)
    for of_pair in runs.values():
        for run in of_pair:
            of_process[run.pid].append(run)
    return of_process


@dataclass(frozen=True, slots=True)
class Reason:
    """The fault that explains why a settled attempt was made again, and how many seconds after its end that fell."""

    what: str
    after_s: float


_INIT: Final = 1
"""The parent of a process whose own has died."""


class _Explanation:
    """Names the fault that fell between a run's start and the ledger's next write, if there was one."""

    def __init__(self, faults: Sequence[Fault], of_process: dict[int, list[Run]]) -> None:
        self._to_all = [fault for fault in faults if fault.pids is None]
        self._to_one: dict[int, list[Fault]] = defaultdict(list)
        for fault in faults:
            for pid in fault.pids or ():
                self._to_one[pid].append(fault)
        self._holds = {
            pid: sorted((run for run in runs if run.handler == Kind.HOLD.lower()), key=lambda run: run.start)
            for pid, runs in of_process.items()
        }

    def __call__(self, run: Run) -> Reason | None:
        if run.worker == _INIT:
            # Its worker was killed before it began, and it goes the same way as soon as it notices.
            return Reason("worker killed before", 0.0)
        until = self._written_by(run)
        for fault in (*self._to_one[run.pid], *self._to_one[run.worker], *self._to_all):
            if fault.begin <= until and self._felt_until(fault, run.pid) >= run.start:
                return Reason(fault.what, max(0.0, fault.begin - (run.settled or run.start)))
        return None

    def _felt_until(self, fault: Fault, pid: int) -> float:
        """Return until when a process may not know of a fault: while a handler holds its interpreter, nothing looks
        whether its claims are lost meanwhile, and what its threads have in hand begins as soon as that ends.
        """
        until = fault.end
        for hold in self._holds[pid]:
            held_until = hold.settled or hold.start + _HELD_AT_MOST_S
            if hold.start <= fault.end and held_until >= fault.begin:
                until = max(until, held_until + _LEDGER_WRITE_S)
        return until

    def _written_by(self, run: Run) -> float:
        """Return by when what came of a run is in the ledger: not while another one holds the interpreter."""
        settled = run.settled or run.start
        until = settled + _LEDGER_WRITE_S
        for hold in self._holds[run.pid]:
            held_until = hold.settled or hold.start + _HELD_AT_MOST_S
            if hold.start <= until and held_until >= settled:
                until = max(until, held_until + _LEDGER_WRITE_S)
        return until


def _crashes(runs: dict[Pair, list[Run]]) -> Iterator[Fault]:
    for of_pair in runs.values():
        for run in of_pair:
            if run.kills:
                # Between its note and the kill other threads of its process have their turns.
                yield Fault("poison", run.start, run.start + _DIES_WITHIN_S, frozenset([run.pid]))


def _ended_by_parent(of_process: dict[int, list[Run]]) -> Iterator[Fault]:
    """Yield where a run held the interpreter until the time of another one was up, and the grace.

    Its parent then ends the process: it cannot tell which of them it is that does not end.
    """
    for pid, runs in of_process.items():
        holds = [run for run in runs if run.handler == Kind.HOLD.lower() and run.settled is None]
        for run in runs:
            over = run.start + HANGING_TIMEOUT_S + GRACE_S
            if run.handler == _HANGING and any(hold.start <= over for hold in holds):
                yield Fault("interpreter held for too long", over, over + _DIES_WITHIN_S, frozenset([pid]))


def _stored(redis: Redis, keys: Keys) -> Iterator[tuple[str, int]]:
    """Give the id and the number of each event in the stream."""
    after = "-"
    while page := cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(keys.events, after, count=_PAGE)):
        for entry_id, fields in page:
            event = json.loads(fields[b"event"])
            yield event["id"], int(event["data"]["context"]["n"])
            after = f"({entry_id.decode()}"


def _buried(redis: Redis, keys: Keys, number_of: dict[str, int]) -> set[Pair]:
    ids = cast("list[bytes]", redis.zrange(f"{keys.rq_prefix}:failed:{EVENTS_QUEUE}", 0, -1))
    buried = set()
    for job_id in ids:
        description = cast("bytes", redis.hget(keys.rq_job(job_id.decode()), "description")).decode()
        handler, _, event_id = description.partition(" on ")
        buried.add((number_of[event_id], handler.rpartition(".")[2]))
    return buried
