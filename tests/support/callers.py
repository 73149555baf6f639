"""Callers: who sends callbacks at a rate, each with a number, and says what became of each."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from threading import Event
from typing import Final

import httpx

from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import TOKEN

MO, DLR, CALL = "mocean/inbound-sms", "mocean/delivery-report", "mocean/voice/answer"
MIX: Final = (MO, DLR, CALL)
RATE: Final = 200
_IDLE_S: Final = 0.5
"""For so long an idle connection is used again, as by the proxies under deploy/. A receiver that stops closes it after
a second, and whoever sends at that very moment is cut off.
"""


@dataclass(frozen=True)
class Answer:
    """What a caller got. Without a status it says what went wrong instead; a call says what the person hears."""

    number: int
    status: int | None
    said: str | None = None


class Caller:
    """Sends callbacks, each with a number in its context, and keeps what it got."""

    def __init__(self, url: str, *, keeps_connections: bool = True) -> None:
        limits = httpx.Limits(max_keepalive_connections=None if keeps_connections else 0, keepalive_expiry=_IDLE_S)
        self._http = httpx.AsyncClient(base_url=url, verify=False, trust_env=False, timeout=30, limits=limits)  # noqa: S501
        self.answers: list[Answer] = []

    def send(self, numbers: Iterable[int], name: str, context: Mapping[str, str], fields: Mapping[str, str]) -> None:
        """Send a callback for each number, all at once."""

        async def run() -> None:
            async with self._http:
                await asyncio.gather(*(self._send(number, name, context, fields) for number in numbers))

        asyncio.run(run())

    def send_mix(self, numbers: Iterator[int], enough: Event) -> None:
        """Send one of each kind after the other, at the rate, until it is enough."""

        async def run() -> None:
            began, sending = time.monotonic(), set[asyncio.Task[None]]()
            async with self._http:
                for index in itertools.count():
                    if enough.is_set():
                        break
                    await asyncio.sleep(max(0.0, began + index / RATE - time.monotonic()))
                    task = asyncio.create_task(self._send(next(numbers), MIX[index % len(MIX)], {}, {}))
                    sending.add(task)
                    task.add_done_callback(sending.discard)
                await asyncio.gather(*sending)

        asyncio.run(run())

    async def _send(self, number: int, name: str, context: Mapping[str, str], fields: Mapping[str, str]) -> None:
        wire = build(find(name), fields)
        params = {"token": TOKEN, "ctx.n": str(number), **{f"ctx.{key}": value for key, value in context.items()}}
        try:
            reply = await self._http.request(
                wire.method, wire.path, params=params, headers=wire.headers, content=wire.body
            )
        except httpx.TransportError as error:
            self.answers.append(Answer(number, None, type(error).__name__))
            return
        said = reply.json()[0].get("text") if name == CALL and reply.status_code == HTTPStatus.OK else None
        self.answers.append(Answer(number, reply.status_code, said))

    @property
    def taken(self) -> list[int]:
        """The numbers of those that got a 200."""
        return [one.number for one in self.answers if one.status == HTTPStatus.OK]

    @property
    def failed(self) -> list[Answer]:
        """Those that did not."""
        return [one for one in self.answers if one.status != HTTPStatus.OK]


@contextmanager
def calling(url: str, numbers: Iterator[int], *, keeps_connections: bool = True) -> Iterator[Caller]:
    """Send the mix meanwhile; at the end all answers are there."""
    caller, enough = Caller(url, keeps_connections=keeps_connections), Event()
    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(caller.send_mix, numbers, enough)
        try:
            yield caller
        finally:
            enough.set()
        sending.result(60)
