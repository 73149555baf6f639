"""Meter: what a piece of work costs the store, by the store's own account."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from redis import Redis

from benchmarks.results import StoreCost


@dataclass(frozen=True, slots=True)
class Reading:
    """What a store has used since its start. `writes`: to its log and to its clients together; None: not known.

    `processor_s` is the main thread's, on which a Valkey runs every command: other programs make it wait, but hardly
    change this.
    """

    processor_s: float
    writes: int | None
    log_bytes: int
    received: int
    sent: int
    memory: int

    @classmethod
    def of(cls, redis: Redis) -> "Reading":
        """Ask the store."""
        said = cast("dict[str, float]", redis.info("everything"))
        return cls(
            processor_s=said["used_cpu_sys_main_thread"] + said["used_cpu_user_main_thread"],
            writes=_writes(int(said["process_id"])),
            log_bytes=int(said["aof_current_size"]),
            received=int(said["total_net_input_bytes"]),
            sent=int(said["total_net_output_bytes"]),
            memory=int(said["used_memory"]),
        )

    def cost(self, before: "Reading", events: int, seconds: float, replies: int | None = None) -> StoreCost:
        """Give what an event has cost since. With the number of replies sent, one write each, the syncs are known."""
        syncs = None
        if replies is not None and self.writes is not None and before.writes is not None:
            syncs = self.writes - before.writes - replies
        return StoreCost(
            events=events,
            seconds=seconds,
            store_us=(self.processor_s - before.processor_s) / events * 1e6,
            syncs=syncs,
            log_bytes=(self.log_bytes - before.log_bytes) / events,
            received_bytes=(self.received - before.received) / events,
            sent_bytes=(self.sent - before.sent) / events,
            memory_bytes=(self.memory - before.memory) / events,
        )


def _writes(pid: int) -> int | None:
    try:
        told = Path(f"/proc/{pid}/io").read_text()
    except OSError:
        return None
    return int(told.partition("syscw: ")[2].partition("\n")[0])
