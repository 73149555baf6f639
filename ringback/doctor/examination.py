"""Doctor: what may keep Ringback from working here, question by question, each with what to do about it.

What is about Redis is asked as `/readyz` asks it (ringback.receiver.admin.health); the rest is about this machine.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ringback.doctor.outbox_checks import outbox_checks
from ringback.doctor.probe import Met, Who, admin_at, receiver_at
from ringback.doctor.sending_checks import sending_checks
from ringback.doctor.sentinels import sentinel_checks
from ringback.reading.dead_letters import DeadLetters
from ringback.reading.handler_states import Handlers, HandlerState
from ringback.reading.quarantined import QuarantinedRequests
from ringback.reading.waiting_runs import Waits
from ringback.receiver.admin import health
from ringback.receiver.admin.check import Check, Grade
from ringback.receiver.admin.replication import replication_checks
from ringback.receiver.commit.script import commit_client
from ringback.receiver.commit.spool import Lying, SpoolError, lying
from ringback.receiver.http.listen import BindError, bind
from ringback.run.caution import ENV_FILE, exposed_file, open_to
from ringback.run.home import Home
from ringback.run.store import StoreError, UnfitStoreError, binary, check_store
from ringback.schemas.censor import Censor
from ringback.schemas.keys import EVENTS_QUEUE, VOICE_QUEUE
from ringback.schemas.local import EVERY_ADDRESS, local_url
from ringback.schemas.settings import Settings, SettingsError
from ringback.schemas.tokens import SHORTEST_TOKEN
from ringback.system import private
from ringback.system.redis_async import hang_up
from ringback.workers.discovery import load_registry
from ringback.workers.marks import HandlerError
from ringback.workers.registry import Registry
from ringback.workers.runtime import worker_client

_QUEUES: Final = (EVENTS_QUEUE, VOICE_QUEUE)
_MANY_HELD: Final = 1000
_HERE: Final = ("127.0.0.1", "::1", "localhost", *EVERY_ADDRESS)


def examine(settings: Settings) -> Iterator[Check]:
    """Ask everything. Settings that do not load are the caller's to report."""
    yield Check("settings", Grade.OK, "every one is known and valid")
    yield token_check(settings)
    registry, found = handler_check(settings)
    yield found
    yield voice_check(settings)
    yield env_file_check(ENV_FILE)
    yield folder_check(settings.data_dir)
    yield spool_check(settings)
    yield from _redis_checks(settings, registry)
    yield port_check(settings)
    yield admin_port_check(settings)
    yield public_url_check(settings, registry)
    yield from sending_checks(settings)


def token_check(settings: Settings) -> Check:
    """Ask whether there are tokens, and none that is soon guessed."""
    if not settings.tokens:
        mend = "write RINGBACK_TOKENS=account:token,…; `ringback token new ACCOUNT` makes one"
        if settings.insecure:
            where = open_to(settings)
            return Check(
                "tokens", Grade.BAD if where else Grade.WARNING,
                f"none: RINGBACK_INSECURE lets anyone post events{f' who reaches {where}' if where else ''}", mend,
            )  # fmt: skip
        if settings.redis_url is None:
            return Check("tokens", Grade.UNKNOWN, "none yet: `ringback up` makes one, `ringback serve` needs one", mend)
        return Check("tokens", Grade.BAD, "none: `ringback serve` does not start", mend)
    short = [token.account for token in settings.tokens if token.is_short]
    if short:
        return Check(
            "tokens", Grade.WARNING, f"shorter than {SHORTEST_TOKEN} characters: of {', '.join(short)}",
            "`ringback token new ACCOUNT` makes one that nobody guesses, and says how to change to it",
        )  # fmt: skip
    accounts = dict.fromkeys(token.account for token in settings.tokens)
    return Check("tokens", Grade.OK, f"{len(settings.tokens)}, of {', '.join(accounts)}")


def handler_check(settings: Settings) -> tuple[Registry, Check]:
    """Import the handlers, as workers do."""
    try:
        with redirect_stdout(sys.stderr):  # what a module prints is no result of ours
            registry = load_registry(settings.handlers)
    except HandlerError as error:
        return Registry(), Check("handlers", Grade.BAD, str(error), "workers do not start before that is mended")
    if not registry.handlers and not registry.calls:
        return registry, Check(
            "handlers", Grade.WARNING, "none: events are stored, and nothing is done with them",
            "write RINGBACK_HANDLERS=module,… (`ringback up` logs a line an event without)",
        )  # fmt: skip
    steps = sorted({"answer" if call.filter.step is None else call.filter.step for call in registry.calls.values()})
    calls = f", {len(registry.calls)} for calls ({', '.join(step or 'collect' for step in steps)})" if steps else ""
    return registry, Check("handlers", Grade.OK, f"{len(registry.handlers)} for events{calls}")


def voice_check(settings: Settings) -> Check:
    """Show what a caller hears where no handler answers in time. The settings have checked it."""
    fallback = json.dumps([action.wire() for action in settings.voice_fallback], ensure_ascii=False)
    fallback = Censor(settings.tokens).text(fallback)
    deadline = f"{settings.voice_deadline.total_seconds():g} s"
    return Check("voice", Grade.OK, f"an answer within {deadline}, else the fallback {fallback}")


def env_file_check(file: Path) -> Check:
    """Ask whether the file of settings is this user's alone."""
    name = "settings file"
    if reason := exposed_file(file):
        return Check(name, Grade.WARNING, f"{file.absolute()} {reason}", f"chmod 600 {file}, and change its tokens")
    return Check(name, Grade.OK, f"{file.absolute()}{'' if file.exists() else ', there is none'}")


def folder_check(folder: Path) -> Check:
    """Ask whether the data folder is this user's alone, and can be written, or made."""
    name = "data folder"
    try:
        owner = _owner(folder)
        if (really := private.really(folder, user=owner)).exists():
            wide = private.exposed(really, user=owner)
            for below in ("valkey", "spool"):
                if (really / below).exists():
                    wide += private.exposed(private.really(really / below, user=owner), whole=True, user=owner)
            wide += [file for file in Home(really).files() if file.stat().st_mode & 0o077]
            if owner not in (None, os.geteuid()):
                name_of = private.name_of(owner)
                return Check(
                    name, Grade.WARNING, f"{really} belongs to {name_of}, and this runs as root",
                    f"run Ringback as {name_of}, or set RINGBACK_DATA_DIR: as root it does not start there",
                )  # fmt: skip
            if wide:
                return Check(
                    name, Grade.WARNING, f"other local users may read {wide[0]}" + _and_more(len(wide) - 1),
                    "start `ringback up` or `serve` again, which sets it right; change the token if it was there",
                )  # fmt: skip
    except SettingsError as error:
        detail, _, fix = str(error).removeprefix("RINGBACK_DATA_DIR: ").partition("; ")
        return Check(name, Grade.BAD, detail, fix)
    except OSError as error:
        detail = f"{folder.absolute()}: {(error.strerror or str(error)).lower()}"
        return Check(name, Grade.BAD, detail, "let this user in, or set RINGBACK_DATA_DIR to another folder")
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Check(name, Grade.OK, f"{folder.absolute()}{'' if folder.exists() else ', not made yet'}")
    return Check(
        name, Grade.BAD, f"{there} cannot be written",
        "let this user write there, or set RINGBACK_DATA_DIR to a folder on a local disk",
    )  # fmt: skip


def spool_check(settings: Settings) -> Check:
    """Look at what lies in the spools of this machine, also of receivers that are dead."""
    if not settings.spool:
        return Check(
            "spool", Grade.WARNING, "off: while Redis is away callbacks get 503", "set RINGBACK_SPOOL=on"
        )  # fmt: skip
    try:
        spools = lying(settings.spool_folder)
    except SpoolError as error:
        return Check("spool", Grade.BAD, str(error), "run this as the user whom the receiver runs as")
    orphaned = _lying([one for one in spools if not one.is_held])
    held = _lying([one for one in spools if one.is_held])
    if orphaned:
        return Check(
            "spool", Grade.BAD, f"{orphaned} of receivers that are dead, {held or 0} of living ones",
            "start a receiver on this machine with this RINGBACK_DATA_DIR and RINGBACK_PREFIX: it takes them up",
        )  # fmt: skip
    if held:
        return Check("spool", Grade.WARNING, held, "bring Redis back: they are committed by themselves")
    return Check("spool", Grade.OK, "empty")


def _lying(spools: Sequence[Lying]) -> str:
    """Return what there is in spools, in words; nothing where they are empty."""
    counted = {
        "events": sum(one.events for one in spools),
        "unusable requests": sum(one.requests for one in spools),
    }
    return " and ".join(f"{count} {what}" for what, count in counted.items() if count)


def port_check(settings: Settings) -> Check:
    """Ask whether the public port is ours, or free to take."""
    name = f"port {settings.port}"
    if not settings.port:
        return Check(name, Grade.OK, "a free one is chosen at the start")
    met = receiver_at(settings.local_url, settings.tokens, is_here=True)
    if met.who is Who.RINGBACK:
        return Check(name, Grade.BAD, met.detail, "restart it with these settings, or set another RINGBACK_PORT")
    return _port(name, met, settings.host, settings.port, "RINGBACK_PORT")


def admin_port_check(settings: Settings) -> Check:
    """Ask whether the admin port is ours, or free to take."""
    name = "admin port" if not settings.admin_port else f"admin port {settings.admin_port}"
    if not settings.admin_port:
        return Check(name, Grade.OK, "none is wanted")
    met = admin_at(local_url(settings.admin_host, settings.admin_port))
    return _port(name, met, settings.admin_host, settings.admin_port, "RINGBACK_ADMIN_PORT")


def public_url_check(settings: Settings, registry: Registry) -> Check:
    """Ask whether the address that providers are given leads to a receiver with these tokens."""
    name = "public URL"
    if settings.public_url is None:
        if settings.host not in _HERE:
            return Check(name, Grade.OK, f"none set: providers are given {settings.shown_base_url}")
        lost = "; the steps of calls do not come back" if registry.calls else ""
        return Check(
            name, Grade.WARNING, f"none set: {settings.shown_base_url} reaches this machine only{lost}",
            "set RINGBACK_PUBLIC_URL to what providers call, https://…",
        )  # fmt: skip
    met = receiver_at(settings.public_url, settings.tokens, is_here=urlsplit(settings.public_url).hostname in _HERE)
    match met.who:
        case Who.OURS if urlsplit(settings.public_url).scheme == "http":
            return Check(
                name,
                Grade.WARNING,
                f"{met.detail}; without TLS all on the way can read it",
                "put TLS in front: https://…",
            )
        case Who.OURS:
            return Check(name, Grade.OK, met.detail)
        case Who.RINGBACK:
            mend = "see that it is this one and runs with these settings, and that no proxy takes Authorization away"
        case Who.STRANGER:
            mend = "see where RINGBACK_PUBLIC_URL leads, and that the proxy passes /webhooks/ and /livez on to us"
        case Who.NOBODY:
            mend = "see that its name is known, that its proxy or tunnel runs, and that its certificate is valid"
    return Check(name, Grade.BAD, met.detail, mend)


def _owner(folder: Path) -> int | None:
    """Return the user to judge a folder by: for root, who may well look after another user's service, its owner."""
    return folder.stat().st_uid if os.geteuid() == 0 and folder.exists() else None


def _and_more(count: int) -> str:
    return f", and {count} more" if count else ""


def _port(name: str, met: Met, host: str, port: int, setting: str) -> Check:
    if met.who is Who.OURS:
        return Check(name, Grade.OK, met.detail)
    if met.who is Who.STRANGER:
        return Check(name, Grade.BAD, met.detail, f"end that, or set another {setting}")
    try:
        bind(host, port, setting).close()
    except BindError as error:
        return Check(name, Grade.BAD, str(error), f"end what has it, or set another {setting}")
    return Check(name, Grade.OK, "free: no receiver runs here")


def _redis_checks(settings: Settings, registry: Registry) -> list[Check]:
    if settings.redis_url is None:
        try:
            binary()
        except StoreError as error:
            return [Check("redis", Grade.BAD, str(error))]
        return [
            Check(
                "redis", Grade.UNKNOWN, "RINGBACK_REDIS_URL is not set, and no `ringback up` runs in this folder",
                "start `ringback up`, which brings a server along, or set redis://host:port/db",
            )
        ]  # fmt: skip
    try:
        check_store(settings.redis_url, settings.keys)
        asked = asyncio.run(_ask_redis(settings, settings.redis_url, registry))
        return [*asked, *_leftovers(settings, settings.redis_url, registry)]
    except UnfitStoreError as error:
        detail, _, fix = str(error).partition("; ")
        return [Check("redis", Grade.BAD, detail, fix)]
    except StoreError as error:
        return [Check("redis", Grade.BAD, str(error), "see that it runs, and that this machine may reach it")]
    except (RedisError, OSError) as error:
        return [Check("redis", Grade.BAD, type(error).__name__, "see Redis's log")]


def standing_check(states: Sequence[HandlerState]) -> Check:
    """Name the handlers that are paused or set aside, or of which many runs are held back."""
    stopped = [one for one in states if one.state != "runs" or one.waiting[Waits.HELD] >= _MANY_HELD]
    if not stopped:
        return Check("paused", Grade.OK, "no handler is paused or set aside")
    detail = "; ".join(f"{one.name} {one.state}, {one.waiting[Waits.HELD]} held" for one in stopped)
    return Check(
        "paused", Grade.WARNING, detail,
        "`ringback handlers ls` shows how they run; `ringback handlers resume NAME` lets one go on",
    )  # fmt: skip


async def _ask_redis(settings: Settings, url: str, registry: Registry) -> list[Check]:
    client = commit_client(url)
    try:
        return [
            *await health.redis_checks(client),
            *await replication_checks(client, settings.wait_replicas),
            *await sentinel_checks(client, settings.wait_replicas),
            await health.clock_check(client),
            *[await _worker_check(client, settings, queue, registry) for queue in _QUEUES],
            health.lag_check(await health.backlog(client, settings.keys), settings.ready_lag),
        ]
    finally:
        await hang_up(client)


async def _worker_check(client: Redis, settings: Settings, queue: str, registry: Registry) -> Check:
    check = await health.worker_check(client, settings.keys, queue)
    if queue == VOICE_QUEUE and not registry.calls and not check.ok:
        return replace(check, grade=Grade.OK, detail=f"{check.detail}, and no handler for calls")
    return check


def _leftovers(settings: Settings, url: str, registry: Registry) -> list[Check]:
    """Count what waits for a person."""
    with worker_client(url) as client:
        dead, unusable = DeadLetters(client, settings.keys).count(), QuarantinedRequests(client, settings.keys).count()
        standing = Handlers(client, settings.keys, registry, settings.threads).standing()
        outbox = list(outbox_checks(client, settings))
    return [
        standing_check(standing),
        *outbox,
        Check(
            "dead letters", Grade.WARNING if dead else Grade.OK, str(dead),
            "`ringback dead ls` lists what handlers failed on for good",
        ),
        Check(
            "quarantine", Grade.WARNING if unusable else Grade.OK, str(unusable),
            "`ringback quarantine ls` lists requests that could not be used",
        ),
    ]  # fmt: skip
