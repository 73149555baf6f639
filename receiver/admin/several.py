"""Several receivers on one socket, shown as one: each reports its own figures to their parent, which sums them.

A report is a line of JSON on a socket that parent and child share: one a second, and a last one when all is stored.
What a killed receiver had reported stays counted; what it counted in its last second is lost with it.
"""

import socket
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from ringback.receiver.admin.check import Check, Grade
from ringback.receiver.metrics import serving

EVERY_S: Final = 1
_LATE_S: Final = 5.0
_LAST_S: Final = 1.0
_OLDEST: Final = ("_age_seconds",)

_Sample = tuple[str, tuple[tuple[str, str], ...], float]
_Key = tuple[str, str, tuple[tuple[str, str], ...]]
"""A family, a series of it, and its labels."""


class _Family(msgspec.Struct, array_like=True, frozen=True):
    """A metric as a report has it."""

    name: str
    documentation: str
    type: str
    samples: list[_Sample]


_REPORTS: Final = msgspec.json.Decoder(list[_Family])


class Reporter:
    """Reports the figures of this process. It never waits: what the parent does not read in time is left out."""

    def __init__(self, registry: CollectorRegistry, parent: socket.socket) -> None:
        self._registry = registry
        self._parent = parent
        self._parent.setblocking(False)
        self._unsent = b""

    async def report(self) -> None:
        """Send the figures of now, unless an earlier report is not through yet."""
        if not self._unsent:
            self._unsent = self._line()
        with suppress(OSError):  # it does not read, or it is gone
            self._unsent = self._unsent[self._parent.send(self._unsent) :]

    def report_last(self) -> None:
        """Send what has been counted in all, and wait for a moment until it is through."""
        self._parent.settimeout(_LAST_S)
        with suppress(OSError):
            self._parent.sendall(self._unsent + self._line())

    def _line(self) -> bytes:
        families = [
            _Family(
                family.name,
                family.documentation,
                family.type,
                [(one.name, tuple(sorted(one.labels.items())), one.value) for one in family.samples],
            )
            for family in self._registry.collect()
        ]
        return msgspec.json.encode(families) + b"\n"


@dataclass(slots=True)
class _Life:
    """What one receiver process has reported. `gauges` are its predecessor's before its first report."""

    gauges: Mapping[_Key, float]
    counts: Mapping[_Key, float] = field(default_factory=dict)
    reported: float | None = None
    listener: threading.Thread | None = None


class Receivers(Collector):
    """What several receivers have reported, summed: of ages the highest. No count ever falls.

    In place of a spool it says what waits in all of theirs. The spool of a receiver that has died is shown as it was
    until its successor, which takes it up, has reported.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._lock = threading.Lock()
        self._families: dict[str, tuple[str, str]] = {}
        self._lives: dict[str, _Life] = {}
        self._ended: dict[_Key, float] = {}

    def hear(self, name: str, child: socket.socket) -> None:
        """Listen to a receiver that was just started, until it ends."""
        before = self._lives.get(name)
        if before is not None and before.listener is not None:
            before.listener.join(_LAST_S)  # it has ended, so there is no more than its last report to read
        life = _Life(before.gauges if before is not None else {})
        life.listener = threading.Thread(target=self._listen, args=(child, life), name=name, daemon=True)
        with self._lock:
            self._lives[name] = life
        life.listener.start()

    def serves(self, name: str) -> bool:
        """Whether the receiver that was started last under this name has reported lately: then it serves."""
        with self._lock:
            return _is_serving(self._lives.get(name))

    @property
    def serving(self) -> int:
        """How many serve."""
        with self._lock:
            return sum(map(_is_serving, self._lives.values()))

    @property
    def check(self) -> Check:
        """Judge whether there are as many as there should be. While one serves, callers are answered."""
        serving = self.serving
        grade = Grade.OK if serving >= self._wanted else Grade.WARNING if serving else Grade.BAD
        return Check("receivers", grade, f"{serving} of {self._wanted} serve", "see the log for why the others ended")

    @property
    def depth(self) -> int:
        """How many events wait in spools."""
        return int(self._value("ringback_spool_events"))

    @property
    def age_s(self) -> float:
        """For how many seconds the oldest of them has been waiting."""
        return self._value("ringback_spool_age_seconds")

    @property
    def refused(self) -> int:
        """How many events have been put aside."""
        return int(self._value("ringback_spool_refused_events"))

    @property
    def requests(self) -> int:
        """How many unusable requests wait in spools."""
        return int(self._value("ringback_spool_requests"))

    def collect(self) -> Iterable[Metric]:
        """Yield the sums, and how many receivers there are."""
        metrics: dict[str, Metric] = {}
        for (name, sample, labels), value in self._sums().items():
            if name not in metrics:
                metrics[name] = Metric(name, *self._families[name])
            metrics[name].add_sample(sample, dict(labels), value)
        yield from metrics.values()
        yield from serving(self.serving, self._wanted)

    def _value(self, name: str) -> float:
        return self._sums().get((name, name, ()), 0.0)

    def _sums(self) -> dict[_Key, float]:
        with self._lock:
            sums = dict(self._ended)
            for life in self._lives.values():
                _add(sums, life.counts)
                _add(sums, life.gauges)
        return sums

    def _listen(self, child: socket.socket, life: _Life) -> None:
        with child, child.makefile("rb") as lines, suppress(OSError, msgspec.MsgspecError):
            for line in lines:
                if line.endswith(b"\n"):  # of one that was killed the last may be cut off
                    self._note(life, _REPORTS.decode(line))
        with self._lock:
            _add(self._ended, life.counts)
            life.counts, life.reported = {}, None

    def _note(self, life: _Life, report: Iterable[_Family]) -> None:
        counts: dict[_Key, float] = {}
        gauges: dict[_Key, float] = {}
        with self._lock:
            for family in report:
                self._families.setdefault(family.name, (family.documentation, family.type))
                kept = gauges if family.type == "gauge" else counts
                kept.update({(family.name, name, labels): value for name, labels, value in family.samples})
            life.counts, life.gauges, life.reported = counts, gauges, time.monotonic()


def _is_serving(life: _Life | None) -> bool:
    return life is not None and life.reported is not None and time.monotonic() - life.reported < _LATE_S


def _add(sums: dict[_Key, float], values: Mapping[_Key, float]) -> None:
    for key, value in values.items():
        if key not in sums:
            sums[key] = value
        elif key[1].endswith("_created"):
            sums[key] = min(sums[key], value)
        elif key[1].endswith(_OLDEST):
            sums[key] = max(sums[key], value)
        else:
            sums[key] += value
