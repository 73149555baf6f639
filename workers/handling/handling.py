"""Handling: makes pairs of what a drain has taken, lets them run in their lanes, and notes what becomes of each.

None of the user's code runs here: it runs in the runner's threads and on its loop.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

import structlog

from ringback.outbox import queue
from ringback.outbox.queue import SendStateError
from ringback.schemas.events import Event, UnreadableError, read_event
from ringback.workers.failures.letters import NO_HANDLER, SENDS
from ringback.workers.failures.stored_run import StoredRun, StoredRunError
from ringback.workers.handling.lanes import Lane
from ringback.workers.handling.ledger import Ledger
from ringback.workers.handling.notes import MAX_DEATHS, Notes
from ringback.workers.handling.pair import Begun, Pair
from ringback.workers.handling.standing import Standing
from ringback.workers.intake.entry import Entry
from ringback.workers.running.runner import Runner
from ringback.workers.runtime import Runtime
from ringback.workers.sending.correlation import opt_out_of, proof_of

log = structlog.get_logger()

_QUICK_CHUNKS: Final = 2
_TURN_S: Final = 0.05


class StuckError(Exception):
    """A step of an async handler keeps this process's loop from turning, and nothing ends it but the process's end."""


class Handling:
    """Runs handlers for one drain. `holds`: is an entry still its own? `in_order`: keep that of each conversation."""

    def __init__(
        self, run: Runtime, ledger: Ledger, standing: Standing, holds: Callable[[Entry], bool], *, in_order: bool
    ) -> None:
        self._registry = run.registry
        self._run = run
        self._ledger = ledger
        self._standing = standing
        self._notes = Notes(ledger, standing)
        self._holds = holds
        self._in_order = in_order
        threads = run.settings.threads
        self._runner: Runner[Pair] = Runner(threads, run.silence)
        self._lanes = {
            name: Lane(handler, threads, in_order=in_order) for name, handler in run.registry.handlers.items()
        }
        self._turns = list(self._lanes.values())
        self._waiting = 0
        self._out = 0
        self._overdue = 0
        self._begun: set[Begun] = set()

    @property
    def runner(self) -> Runner[Pair]:
        """What runs the handlers."""
        return self._runner

    @property
    def load(self) -> int:
        """How many runs wait or are at work, less the overdue."""
        return self._waiting + self._out - self._overdue

    @property
    def in_hand(self) -> Iterator[Entry]:
        """The entries that are not done with."""
        return (begun.entry for begun in self._begun)

    @property
    def is_at_work(self) -> bool:
        """Whether anything is not done with; what was given up is not waited for."""
        return bool(self._begun)

    def take(self, entries: Iterable[Entry]) -> int:
        """Make pairs of entries and let them wait in their lanes. Return how many these are."""
        made = 0
        standing, lanes = self._standing, self._lanes
        for entry in entries:
            begun = Begun(entry)
            for pair in self._pairs(begun):
                made += 1
                if not standing.is_restless or standing.may_run(pair.name, probe=pair.is_probe):
                    lanes[pair.name].waiting.append(pair)
                    self._waiting += 1
                else:
                    self._notes.held_back(pair)
                    begun.left -= 1
            if begun.left:
                self._begun.add(begun)
            else:
                self._ledger.finish(entry)
        return made

    def turn(self, seconds: float) -> int:
        """Start what may start, wait for something to end, `seconds` at most, and note it. Return how much has ended.

        Raises StuckError.
        """
        self._start()
        if self._out and seconds:
            self._runner.wait(seconds)
        return self.note()

    def note(self) -> int:
        """Note what has ended since the last time. Raises StuckError."""
        overdue, back, over = self._runner.look()
        for run in overdue:
            lane = self._lanes[run.name]
            lane.overdue += 1
            self._overdue += 1
        for run in reversed(back):
            self._take_back(run)
        ended = [*self._runner.ended(), *over]
        for run in ended:
            self._ended(run)
        for run in self._runner.take_blockers():
            # From here on it runs in threads, so that it cannot keep others from turning.
            lane = self._lanes[run.name]
            if not lane.blocks:
                log.warning("handler.blocks_the_loop", handler=run.name)
                lane.turn_to_threads()
        if self._runner.is_stuck:
            raise StuckError
        return len(ended)

    def run_alone(self, entry: Entry) -> None:
        """Run the handlers of an entry that a worker died with, one after another, each noted before the next starts.

        So it shows which one kills: that becomes a dead letter, and the others are run. Nothing else is at work in this
        process meanwhile.
        """
        begun = Begun(entry)
        pairs = list(self._pairs(begun))
        if not pairs:
            self._ledger.finish(entry)
        self._begun |= {begun} if pairs else set()
        for pair in pairs:
            if begun.is_lost:
                break
            if not self._standing.may_run(pair.name, probe=pair.is_probe):
                self._notes.held_back(pair)
                self._one_less(pair)
                continue
            self._ledger.write()
            if self._ledger.suspect(entry, pair.name) > MAX_DEATHS:
                self._notes.kills_workers(pair)
                self._one_less(pair)
                continue
            self._lanes[pair.name].waiting.append(pair)
            self._waiting += 1
            while begun in self._begun and self._waiting + self._out:
                self.turn(_TURN_S)
        self._begun.discard(begun)  # where another worker has taken it over, some is not begun
        self._ledger.write()

    def leave(self) -> None:
        """Leave what has not begun to whoever comes. Of an entry of which something ran, the rest is run here."""
        unbegun = [begun for begun in self._begun if not begun.ran]
        for lane in self._turns:
            kept = [pair for pair in lane.waiting if pair.begun.ran]
            self._waiting -= len(lane.waiting) - len(kept)
            lane.waiting.clear()
            lane.waiting.extend(kept)
        self._begun.difference_update(unbegun)
        self._ledger.leave([begun.entry for begun in unbegun])

    def rooms(self) -> Iterator[tuple[str, int]]:
        """Yield the handlers of which runs are held, and how many of them there is room for."""
        for name in self._standing.held:
            present = self._registry.find(name)
            lane = self._lanes.get(present.name) if present else None
            if lane is None:
                yield name, 1  # its handler is no more, which is to be noted
            elif (not lane.is_async or not self._runner.loop_stands_still) and (most := lane.to_release()):
                yield name, most

    @property
    def has_no_room(self) -> bool:
        """Whether runs are held for which there is no room here: in another process there may be.

        An async handler that has kept the loop here from turning would do so there too, before it is known for that.
        """
        registry, standing = self._registry, self._standing
        held = [present.name for name in standing.held if (present := registry.find(name)) is not None]
        lanes = [self._lanes[name] for name in held if standing.may_run(name, probe=False)]
        return any(lane.is_full and not lane.blocks for lane in lanes)

    def _pairs(self, begun: Begun) -> Iterable[Pair]:
        return self._of_record(begun) if begun.entry.is_due else self._of_event(begun)

    def _of_event(self, begun: Begun) -> list[Pair]:
        """Return a pair for each handler that may want a new event and is not done with it.

        An entry that cannot be read is noted as a dead letter of its own.
        """
        entry = begun.entry
        try:
            event = read_event(entry.fields[b"event"])
        except KeyError:
            if entry.fields:  # else it was trimmed, and is done
                self._notes.unreadable(entry, UnreadableError("it has no event"))
            return []
        except UnreadableError as error:
            self._notes.unreadable(entry, error)
            return []
        if event.data.context and (proof := proof_of(event)) is not None:
            self._ledger.prove(proof)
        if (opt_out := opt_out_of(event, self._run.opt_out_words)) is not None:
            self._ledger.opt_out(opt_out)
        advanced, pairs = entry.advanced, list[Pair]()
        for handler in self._registry.of_type(event.type):
            if entry.already and not entry.already.isdisjoint((handler.name, *handler.aliases)):
                continue
            if handler.matches(event, advanced=advanced):
                # Its own, so that what one handler does to it is not seen by another.
                own = read_event(entry.fields[b"event"]) if pairs else event
                pairs.append(Pair(handler, own, begun, self._run))
        return pairs

    def _of_record(self, begun: Begun) -> Iterator[Pair]:
        """Yield the pair of a run that was due, if it is still wanted: its declaration may have changed meanwhile."""
        stored = begun.entry.fields.get(b"record")
        if stored is None:
            return
        try:
            record = StoredRun.load(stored)
        except StoredRunError as error:
            log.error("run.unreadable", entry_id=begun.entry.id, error=str(error))
            self._notes.still_unreadable(StoredRun(NO_HANDLER, begun.entry.id, begun.entry.id, stored), error)
            return
        try:
            event = read_event(record.event)
        except UnreadableError as error:
            self._notes.still_unreadable(record, error)
            return
        if record.handler == NO_HANDLER:
            self._read_at_last(record, event)
            return
        if record.handler == SENDS:
            self._send_again(record)
            return
        handler = self._registry.find(record.handler)
        if handler is None:
            self._notes.without_handler(record)
            return
        pair = Pair(handler, event, begun, self._run, record)
        if event.type in handler.subscription.types and handler.matches(event, advanced=record.advanced):
            yield pair
        else:
            begun.left -= 1
            pair.context.log.info("handler.not_wanted")
            self._notes.passed(pair)

    def _send_again(self, record: StoredRun) -> None:
        """Let a send that was refused go out once more: its dead letter is tried again."""
        try:
            queue.again(self._run.redis, self._run.keys, record.key)
        except SendStateError as error:
            log.warning("send.not_again", ref=record.key, reason=str(error))
        if record.letter is not None:
            self._ledger.forget_letter(record.letter)

    def _read_at_last(self, record: StoredRun, event: Event) -> None:
        """Let the handlers have what could not be read: this version knows its type."""
        for handler in self._registry.of_type(event.type):
            if handler.matches(event, advanced=record.advanced):
                again = replace(record, handler=handler.name, event_id=event.id, errors=(), letter=None)
                self._ledger.later(0, again)
        if record.letter is not None:
            self._ledger.forget_letter(record.letter)

    def _start(self) -> None:
        """Let each lane start what it may, by turns."""
        if not self._waiting:
            return
        runner, quick = self._runner, sum(lane.out for lane in self._turns if lane.is_quick and not lane.is_async)
        self._turns.append(self._turns.pop(0))
        for lane in self._turns:
            if not lane.waiting:
                continue
            name = lane.handler.name
            if self._standing.is_restless and not self._standing.may_run(name, probe=False):
                self._hold(lane, [pair for pair in lane.waiting if not pair.is_probe or self._standing.is_paused(name)])
            while lane.waiting and not lane.is_full:
                if lane.is_async:
                    if runner.loop_stands_still:
                        break
                elif not runner.may_start(is_overdue=lane.overdue > 0) or (lane.is_quick and quick >= _QUICK_CHUNKS):
                    break
                if not (chunk := lane.next()):
                    break
                self._waiting -= len(chunk)
                if not (own := [pair for pair in chunk if self._is_own(pair)]):
                    continue
                for pair in own:
                    pair.begun.ran += 1
                    pair.has_own_loop = lane.blocks
                self._out += len(own)
                if lane.is_async:
                    lane.out += len(own)
                    runner.start_async(own)
                else:
                    lane.out += 1
                    quick += lane.is_quick
                    runner.start(own, lane.free)
            stands_still = lane.is_async and runner.loop_stands_still and not self._in_order
            if lane.waiting and (lane.holds_up or stands_still):
                self._hold(lane, list(lane.waiting))

    def _is_own(self, pair: Pair) -> bool:
        """Whether the entry is still this drain's; if not, it is left to the worker that has taken it over."""
        begun = pair.begun
        if not begun.is_lost and self._holds(begun.entry):
            return True
        if not begun.is_lost:
            begun.is_lost = True
            log.warning("claim.lost", entry_id=begun.entry.id, event_id=begun.entry.event_id)
            self._ledger.forget(begun.entry)
        self._lanes[pair.name].let_go(pair)
        self._one_less(pair)
        return False

    def _hold(self, lane: Lane, pairs: list[Pair]) -> None:
        chosen = set(map(id, pairs))
        kept = [pair for pair in lane.waiting if id(pair) not in chosen]
        lane.waiting.clear()
        lane.waiting.extend(kept)
        for pair in pairs:
            self._waiting -= 1
            self._notes.held_back(pair)
            self._one_less(pair)

    def _take_back(self, pair: Pair) -> None:
        """Let what a chunk has not begun, since a run before it takes long, wait again; or hold it back."""
        lane = self._lanes[pair.name]
        self._out -= 1
        pair.begun.ran -= 1
        if not pair.in_thread:
            lane.out -= 1
        lane.put_back(pair)
        self._waiting += 1

    def _ended(self, pair: Pair) -> None:
        lane = self._lanes[pair.name]
        self._out -= 1
        if pair.is_overdue:
            lane.overdue -= 1
            self._overdue -= 1
        lane.ended(pair)
        if not pair.in_thread:
            lane.out -= 1
        if not pair.begun.is_lost:
            self._notes.ended(pair)
        self._one_less(pair)

    def _one_less(self, pair: Pair) -> None:
        begun = pair.begun
        begun.left -= 1
        if begun.left == 0:
            self._begun.discard(begun)
            if not begun.is_lost:
                self._ledger.finish(begun.entry)
