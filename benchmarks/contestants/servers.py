"""The servers under load, each as its own program, and how to count what it has stored."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis import Redis

from benchmarks.contestants.rq_jobs import QUEUE
from benchmarks.dlr import PATH, TOKEN
from benchmarks.machine import HERE, Store
from benchmarks.results import CONNECTION_COUNTS, RINGBACK
from benchmarks.tree import Tree
from ringback.schemas.keys import Keys

KEYS: Final = Keys("ringback")
BARE: Final = "bare Starlette"
CONSTANT: Final = "a constant, committed"
FLASK: Final = "Flask + RQ"
EXPRESS: Final = "Express + BullMQ"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that stores what it answers with success; the bare one stores nothing."""

    name: str
    command: Callable[[Store, int], Sequence[str]]
    stored: Callable[[Redis], int] | None
    environment: Callable[[Store, int], dict[str, str]] = field(default=lambda _store, _port: {})


def ringback_settings(store: Store, **settings: str) -> dict[str, str]:
    """Give what Ringback's processes need to know."""
    return {
        "RINGBACK_REDIS_URL": store.url,
        "RINGBACK_PREFIX": KEYS.prefix,
        "RINGBACK_ADMIN_PORT": "0",  # that of a service which runs beside is left alone
        "RINGBACK_TOKENS": f"benchmark:{TOKEN}",
        **settings,
    }


def ringback_command(*words: str) -> list[str]:
    """Return a command of Ringback's."""
    return [sys.executable, "-m", "ringback", *words]


def ringback_server(tree: Tree, name: str) -> Server:
    """Return the receiver of a checkout."""
    return Server(
        name,
        lambda _store, _port: [tree.python, "-m", "ringback", "serve"],
        lambda redis: redis.xlen(KEYS.events),
        lambda store, port: ringback_settings(store, RINGBACK_PORT=str(port), **tree.environment),
    )


def _bare(_store: Store, port: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.contestants.bare", str(port)]


def _constant(store: Store, port: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.contestants.constant", str(port), store.url]


def _flask(_store: Store, port: int) -> list[str]:
    return gunicorn("benchmarks.contestants.flask_rq:app", port)


def gunicorn(app: str, port: int) -> list[str]:
    """Give the command that serves a Flask app."""
    # A thread a connection, made when it is needed: of gunicorn's ways with one worker the quickest here.
    options = ["--workers", "1", "--worker-class", "gthread", "--threads", str(max(CONNECTION_COUNTS)), "--bind"]
    return [sys.executable, "-m", "gunicorn", *options, f"127.0.0.1:{port}", "--log-level", "warning", app]


def _express(store: Store, port: int) -> list[str]:
    return ["node", str(HERE / "contestants" / "express_bullmq.js"), str(port), str(store.port), PATH]


BARE_SERVER: Final = Server(BARE, _bare, None)
CONSTANT_SERVER: Final = Server(CONSTANT, _constant, lambda redis: redis.xlen(KEYS.events))
RINGBACK_SERVER: Final = ringback_server(Tree.own(), RINGBACK)
SERVERS: Final = (
    BARE_SERVER,
    CONSTANT_SERVER,
    RINGBACK_SERVER,
    Server(
        EXPRESS,
        _express,
        lambda redis: redis.llen("bull:dlr:wait"),
        lambda _store, _port: {"NODE_ENV": "production"},
    ),
    Server(
        FLASK,
        _flask,
        lambda redis: redis.llen(f"rq:queue:{QUEUE}"),
        lambda store, _port: {"BENCH_REDIS_URL": store.url},
    ),
)
