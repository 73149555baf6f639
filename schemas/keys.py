"""Names in Redis, all in one place (contract, section 3), and the functions that RQ runs, by dotted path.

Receiver and workers never import each other: they meet in Redis, through the names here.
"""

from dataclasses import dataclass
from typing import Final

EVENTS_QUEUE: Final = "events"
VOICE_QUEUE: Final = "voice"

DRAIN_JOB: Final = "ringback.workers.handling.drain.drain"
LETTER_JOB: Final = "ringback.workers.failures.letters.again"
VOICE_JOB: Final = "ringback.workers.voice.calls.answer"

HANDLERS_GROUP: Final = "handlers"
SENDER_GROUP: Final = "sender"


@dataclass(frozen=True, slots=True)
class Keys:
    """Ringback's Redis keys under one prefix (`RINGBACK_PREFIX`)."""

    prefix: str

    @property
    def rq_prefix(self) -> str:
        """What RQ puts before its own keys."""
        return f"{self.prefix}:rq"

    @property
    def events(self) -> str:
        """Stream of events, an entry an event."""
        return f"{self.prefix}:events"

    @property
    def quarantine(self) -> str:
        """Stream of requests that had the right secret and could not be used."""
        return f"{self.prefix}:quarantine"

    @property
    def quarantine_held(self) -> str:
        """Hash account -> bytes that its requests take in quarantine."""
        return f"{self.quarantine}:held"

    @property
    def quarantine_evicted(self) -> str:
        """Hash account -> how many of its requests had to leave quarantine for newer ones."""
        return f"{self.quarantine}:evicted"

    @property
    def quarantine_sets(self) -> str:
        """What the keys of the sorted sets begin with that have each account's requests in quarantine, by time."""
        return f"{self.quarantine}:of:"

    @property
    def bell(self) -> str:
        """Says, while it lives, that a drain has been rung for or is at work. It expires by itself."""
        return f"{self.prefix}:bell"

    @property
    def ledger(self) -> str:
        """Hash entry id -> names of its handlers that are done, only while others of that entry are not."""
        return f"{self.prefix}:ledger"

    @property
    def suspects(self) -> str:
        """Hash `<entry id> <handler>` -> how often that was started again after a worker died with the entry."""
        return f"{self.prefix}:suspects"

    @property
    def hands(self) -> str:
        """Hash partition -> the last entry that a drain has in its hands there; a dead one's stays."""
        return f"{self.prefix}:hands"

    def lease(self, partition: int) -> str:
        """Name of the worker that drains a partition, while it lives. It expires by itself."""
        return f"{self.prefix}:lease:{partition}"

    @property
    def oddities(self) -> str:
        """Hash `<provider> <flag>` -> how many events had that flag: what a provider sends that its document lacks."""
        return f"{self.prefix}:oddities"

    @property
    def timeouts(self) -> str:
        """Hash handler -> how often it has timed out in a row."""
        return f"{self.prefix}:timeouts"

    @property
    def due(self) -> str:
        """Sorted set of the runs that wait for their time, by that time (ms, server's clock).

        A member is an event and a handler that is to run on it (ringback.workers.failures.stored_run).
        """
        return f"{self.prefix}:due"

    @property
    def due_taken(self) -> str:
        """Stream of the due runs that workers have in their hands, with the same consumer group as `events`."""
        return f"{self.due}:taken"

    @property
    def held_handlers(self) -> str:
        """Set of the handlers of which runs are held back."""
        return f"{self.prefix}:held"

    def held(self, handler: str) -> str:
        """Sorted set of a handler's runs that are held back until there is room for them, in their order."""
        return f"{self.held_handlers}:{handler}"

    @property
    def paused(self) -> str:
        """Hash handler -> since when (RFC 3339) it is paused."""
        return f"{self.prefix}:paused"

    def probe(self, handler: str) -> str:
        """Says, while it lives, that a run of a handler that is set aside was tried just now. It expires by itself."""
        return f"{self.prefix}:probe:{handler}"

    @property
    def alone(self) -> str:
        """Name of the worker that runs, one by one, what others have died with. It expires by itself."""
        return f"{self.prefix}:alone"

    @property
    def sweep_lock(self) -> str:
        """Held by the one sweep that is at work."""
        return f"{self.prefix}:sweep"

    def seen(self, digest: str) -> str:
        """Mark that an event (by its id) or a quarantined request (by its digest) is already stored."""
        return f"{self.prefix}:seen:{digest}"

    @property
    def messages(self) -> str:
        """What the keys of all messages begin with."""
        return f"{self.prefix}:message:"

    def message(self, provider: str, account: str, message_id: str) -> str:
        """Hash with the furthest status known of one message: `status`, `event`, `at`."""
        return f"{self.messages}{provider}:{account}:{message_id}"

    def call(self, provider: str, account: str, session: str) -> str:
        """Hash name -> JSON: what handlers keep for the length of one call."""
        return f"{self.prefix}:call:{provider}:{account}:{session}"

    @property
    def call_turns(self) -> str:
        """Sorted set of the accounts that have calls waiting, by the number of the turn that they had last."""
        return f"{self.prefix}:calls"

    @property
    def call_lines(self) -> str:
        """What the lists begin with that have each account's waiting calls. They expire with the last of them."""
        return f"{self.prefix}:calls:of:"

    def replies(self, receiver: str) -> str:
        """List on which one receiver process awaits the answers to its calls."""
        return f"{self.prefix}:replies:{receiver}"

    @property
    def poller(self) -> str:
        """Name of the one poller at work. It expires by itself."""
        return f"{self.prefix}:poller"

    @property
    def polls(self) -> str:
        """What the other keys of the poller begin with."""
        return f"{self.prefix}:poll:"

    def polled_inbox(self, account: str) -> str:
        """Hash virtual number -> JSON: how far its inbound SMS were read (ringback.polling.read_up_to).

        `since`: when that began; `looked`: when it was tried last (ms); `seen`: the newest id of all numbers.
        """
        return f"{self.polls}inbox:{account}"

    @property
    def poll_position(self) -> str:
        """The last entry of the stream of events that was looked at for pushed inbound SMS."""
        return f"{self.polls}position"

    def pushes(self, account: str) -> str:
        """Sorted set of an account's pushed inbound SMS that no listed one was matched with, by when they came (ms).

        A member is a digest of from, to and text, and the id of the entry in the stream of events.
        """
        return f"{self.polls}pushes:{account}"

    @property
    def polled(self) -> str:
        """Hash `<provider> <outcome>` -> how often that came of asking a provider (ringback.polling.committing)."""
        return f"{self.polls}counts"

    @property
    def outbox(self) -> str:
        """Stream of what is to be sent, an entry a send: `ref`, `line`; without a line, a send to tell the event of."""
        return f"{self.prefix}:outbox"

    @property
    def sends(self) -> str:
        """What the keys of all sends begin with."""
        return f"{self.prefix}:send:"

    def send(self, ref: str) -> str:
        """Hash of one send (ringback.outbox.record)."""
        return f"{self.sends}{ref}"

    @property
    def outbox_accounts(self) -> str:
        """Set of `<provider>:<account>` that have lines."""
        return f"{self.outbox}:accounts"

    @property
    def outbox_lines(self) -> str:
        """What the sorted sets begin with that have each account's lines, by when their first send is due (ms)."""
        return f"{self.outbox}:lines:"

    @property
    def outbox_line(self) -> str:
        """What the lists begin with that have the refs of one recipient, `<provider>:<account>:<to>`, in order."""
        return f"{self.outbox}:line:"

    @property
    def outbox_open(self) -> str:
        """Sorted set of the sends that are claimed, or decided and not yet told as an event, by when."""
        return f"{self.outbox}:open"

    @property
    def outbox_doubt(self) -> str:
        """Sorted set of the sends in doubt, by since when (ms). They do not expire."""
        return f"{self.outbox}:doubt"

    @property
    def outbox_direct(self) -> str:
        """Sorted set of the calls that handlers make once, while they are claimed, by when nobody ends them (ms)."""
        return f"{self.outbox}:direct"

    @property
    def outbox_paused(self) -> str:
        """Hash account -> since when (RFC 3339) it sends nothing."""
        return f"{self.outbox}:paused"

    @property
    def outbox_counts(self) -> str:
        """What the counters begin with of what handlers sent to one address within an hour."""
        return f"{self.outbox}:count:"

    @property
    def sender(self) -> str:
        """Name of the sender that is at work, while it lives. It expires by itself."""
        return f"{self.prefix}:sender"

    @property
    def optouts(self) -> str:
        """What the hashes begin with, one an account: `<our number> <theirs>` -> `stop <time>` or `start <time>`."""
        return f"{self.prefix}:optouts:"

    @property
    def sent(self) -> str:
        """What the keys begin with that have the ref of a message, `<provider>:<account>:<message id>`."""
        return f"{self.prefix}:sent:"

    @property
    def awaiting(self) -> str:
        """What the sorted sets begin with, one for each `<provider>:<account>`, of refs that await a last report."""
        return f"{self.prefix}:awaiting:"

    def rq_queue(self, name: str) -> str:
        """RQ's list of the jobs that wait on one queue."""
        return f"{self.rq_prefix}:queue:{name}"

    @property
    def rq_queues(self) -> str:
        """RQ's set of its queues."""
        return f"{self.rq_prefix}:queues"

    def rq_registry(self, name: str, queue: str) -> str:
        """RQ's sorted set of the jobs of a queue that are `scheduled` or have `failed`."""
        return f"{self.rq_prefix}:{name}:{queue}"

    def rq_workers(self, queue: str) -> str:
        """RQ's set of the workers of one queue, by the names of their hashes."""
        return f"{self.rq_prefix}:workers:{queue}"

    @property
    def tally(self) -> str:
        """Hash of what workers count, all of them together (ringback.schemas.tally_fields)."""
        return f"{self.prefix}:tally"

    def rq_job(self, job_id: str) -> str:
        """RQ's hash of one job."""
        return f"{self.rq_prefix}:job:{job_id}"
