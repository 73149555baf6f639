"""The faults: what is done to the house while it works, at random times, and when it was done to which process."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from ringback.schemas.keys import EVENTS_QUEUE, VOICE_QUEUE
from tests.chaos.house import House, children_of, end, stopped

_TICK_S: Final = 0.1
_STANDSTILL_S: Final = 1.0
_LONGEST_OUTAGE_S: Final = 2.0
_SENDER_HELD_S: Final = 8.0
"""Longer than a sender's lock lives, so that another one is at work when it goes on."""

KILLS: Final = (
    "receiver killed",
    "drain worker killed",
    "horse killed",
    "Valkey killed",
    "drain worker stopped",
)
RARE_KILLS: Final = ("voice worker killed", "supervisor killed")
SENDER_KILLS: Final = ("sender killed", "sender stopped")
STOPS: Final = (
    "receiver ended",
    "drain worker ended",
    "voice worker ended",
    "supervisor ended",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What was done, from when to when (seconds on the monotonic clock), to which processes: `None` is to all."""

    what: str
    begin: float
    end: float
    pids: frozenset[int] | None


class Faults(threading.Thread):
    """Goes through the kinds of faults again and again, in random order, with pauses of random length."""

    def __init__(
        self,
        house: House,
        kinds: Sequence[str],
        pause_s: tuple[float, float],
        hold_s: float,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(name="faults", daemon=True)
        self._house = house
        self._kinds = kinds
        self._pause_s = pause_s
        self._hold_s = hold_s
        self._say = say
        self._random = random.Random(seed)  # noqa: S311 - a run is to be repeated by its seed
        self._over = threading.Event()
        self._do: dict[str, Callable[[], Fault | None]] = {
            "receiver killed": lambda: self._receiver(signal.SIGKILL),
            "drain worker killed": lambda: self._child(signal.SIGKILL, "worker", EVENTS_QUEUE),
            "horse killed": self._horse,
            "Valkey killed": self._valkey,
            "drain worker stopped": self._stand_still,
            "voice worker killed": lambda: self._child(signal.SIGKILL, "worker", VOICE_QUEUE),
            "supervisor killed": lambda: self._supervisor(signal.SIGKILL),
            "sender killed": lambda: self._child(signal.SIGKILL, "sender"),
            "sender stopped": lambda: self._hold(self._house.children("sender"), _SENDER_HELD_S),
            "receiver ended": lambda: self._receiver(signal.SIGTERM),
            "drain worker ended": lambda: self._child(signal.SIGTERM, "worker", EVENTS_QUEUE),
            "voice worker ended": lambda: self._child(signal.SIGTERM, "worker", VOICE_QUEUE),
            "supervisor ended": lambda: self._supervisor(signal.SIGTERM),
        }
        self._what = ""
        self._stopped: list[tuple[float, ExitStack]] = []
        self.done: list[Fault] = []
        self.error: Exception | None = None

    def stop(self) -> None:
        """Do no more, and let go of what stands still. Raises what went wrong meanwhile."""
        self._over.set()
        self.join()
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 - it is raised again where the run is waited for
            self.error = error
        finally:
            self._continue(after=float("inf"))

    def _run(self) -> None:
        left: list[str] = []
        due = time.monotonic() + self._random.uniform(*self._pause_s)
        while not self._over.is_set():
            slept = time.monotonic()
            self._over.wait(_TICK_S)
            now = time.monotonic()
            if now - slept > _STANDSTILL_S:
                self.done.append(Fault("machine stood still", slept, now, None))
            self._continue(after=now)
            self._house.look_after_work()
            if now < due:
                continue
            left = left or self._random.sample(self._kinds, len(self._kinds))
            self._what = left.pop()
            fault = self._do[self._what]()
            if fault is not None:
                self.done.append(fault)
                whom = ", ".join(map(str, sorted(fault.pids or ())))
                self._say(f"at {fault.begin:.3f} to {fault.end:.3f}: {fault.what} {whom}")
                due = time.monotonic() + self._random.uniform(*self._pause_s)

    def _fault(self, begin: float, pids: frozenset[int] | None, until: float | None = None) -> Fault:
        return Fault(self._what, begin, until or time.monotonic(), pids)

    def _receiver(self, signum: int) -> Fault:
        begin = time.monotonic()
        pid = self._house.restart_receiver(self._random.randrange(len(self._house.ports)), signum)
        return self._fault(begin, frozenset([pid]))

    def _child(self, signum: int, *words: str) -> Fault | None:
        if not (pids := self._house.children(*words)):
            return None
        return self._send(signum, self._random.choice(pids))

    def _horse(self) -> Fault | None:
        horses = [horse for worker in self._house.children("worker", EVENTS_QUEUE) for horse in children_of(worker)]
        return self._send(signal.SIGKILL, self._random.choice(horses)) if horses else None

    def _send(self, signum: int, pid: int) -> Fault | None:
        begin = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(pid, signum)
            # A killed worker's horse goes on for a moment, and nobody refreshes what it has then.
            until = time.monotonic() + (_STANDSTILL_S if signum == signal.SIGKILL else 0)
            return self._fault(begin, frozenset([pid]), until)
        return None

    def _stand_still(self) -> Fault | None:
        if not (workers := self._house.children("worker", EVENTS_QUEUE)):
            return None
        worker = self._random.choice(workers)
        horses = children_of(worker)
        return self._hold(self._random.choice([[worker], horses, [worker, *horses]]), self._hold_s)

    def _hold(self, pids: Sequence[int], seconds: float) -> Fault | None:
        """Let processes stand still for so long, while the run goes on."""
        if not pids:
            return None
        held = ExitStack()
        begin = time.monotonic()
        held.enter_context(stopped(pids))
        until = begin + seconds
        self._stopped.append((until, held))
        # Until it is continued, and a moment in which it finds out.
        return self._fault(begin, frozenset(pids), until + _STANDSTILL_S)

    def _continue(self, after: float) -> None:
        for one in [one for one in self._stopped if one[0] <= after]:
            one[1].close()
            self._stopped.remove(one)

    def _valkey(self) -> Fault | None:
        if self._house.valkey is None:
            return None
        begin = time.monotonic()
        end(self._house.valkey, signal.SIGKILL)
        time.sleep(self._random.uniform(0, _LONGEST_OUTAGE_S))
        self._house.start_valkey()
        return self._fault(begin, None)

    def _supervisor(self, signum: int) -> Fault | None:
        if self._house.work is None:
            return None
        pids = [self._house.work.pid, *self._house.children()]
        begin = time.monotonic()
        end(self._house.work, signum)
        self._house.start_work()
        return self._fault(begin, frozenset(pids))
