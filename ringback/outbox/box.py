"""Outbox: what other programs put into the outbox, such as a web application. It needs Redis, and no credentials."""

from collections.abc import Mapping
from datetime import UTC, datetime
from secrets import token_hex
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ringback.clients.arguments import Party
from ringback.outbox import drafting, queue
from ringback.outbox.draft import Draft, InDoubt, Sending, ref_of
from ringback.outbox.queue import Intent
from ringback.outbox.record import SendRecord
from ringback.schemas.callback_parameters import INSECURE_ACCOUNT
from ringback.schemas.keys import Keys
from ringback.schemas.provider_names import Provider
from ringback.schemas.settings import Settings, SettingsError
from ringback.schemas.wa_contents import WaContent
from ringback.system.redis_sync import connect

if TYPE_CHECKING:
    from ringback.clients.mocean.voice import Commands

_REPLY_S: Final = 5.0
_CONNECT_S: Final = 5.0


class Outbox:
    """Puts what is to be sent into the outbox of one account: once it returns, that is kept, and sent once.

    It blocks for as long as Redis takes, about a millisecond; its calls raise `redis.RedisError` where that is away. It
    may be used by several threads. `key` on each call: with one, a second call with the same changes nothing, however
    often it is made within three days.
    """

    def __init__(self, redis: Redis, keys: Keys, account: str) -> None:
        self._redis = redis
        self._keys = keys
        self._account = account

    @classmethod
    def of(cls, account: str | None = None, settings: Settings | None = None) -> Self:
        """Return the outbox of an account; without a name, of the only one of RINGBACK_TOKENS.

        `settings` are those of the environment and `.env` unless given. Raises SettingsError, which says what to set.
        """
        settings = settings or Settings.load()
        if settings.redis_url is None:
            raise SettingsError(
                "RINGBACK_REDIS_URL: not set; write what the workers have, such as redis://host:port/db"
            )
        accounts = list(dict.fromkeys(token.account for token in settings.tokens)) or [INSECURE_ACCOUNT]
        if account is None and len(accounts) > 1:
            raise SettingsError(f"RINGBACK_TOKENS: has several accounts ({', '.join(accounts)}); name one of them")
        redis = connect(settings.redis_url, retry=Retry(NoBackoff(), 1), reply_s=_REPLY_S, connect_s=_CONNECT_S)
        return cls(redis, settings.keys, account or accounts[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def sms(
        self,
        *,
        to: Party,
        text: str,
        from_: Party | None = None,
        provider: Provider = "mocean",
        schedule: datetime | None = None,
        context: Mapping[str, str] | None = None,
        ttl: float | None = None,
        in_doubt: InDoubt = "hold",
        key: str | None = None,
    ) -> Sending:
        """Send an SMS. Without `from_` the account's `sms_from` sends.

        `schedule`: an aware time at which the provider sends it. `context` comes back with the delivery reports.
        `ttl`: for how many seconds from now on it is of use. `in_doubt`: what becomes of it where the provider's answer
        is lost: "hold" does not repeat it, "again" does. Raises InvalidRequestError.
        """
        return self._put(
            drafting.sms(
                provider, self._account, to=to, text=text, from_=from_, schedule=schedule, context=context,
                expires_at=_expiry(ttl), in_doubt=in_doubt,
            ),
            key,
        )  # fmt: skip

    def whatsapp(
        self,
        *,
        to: Party,
        content: WaContent | str,
        from_: Party | None = None,
        context: Mapping[str, str] | None = None,
        ttl: float | None = None,
        in_doubt: InDoubt = "hold",
        key: str | None = None,
    ) -> Sending:
        """Send a WhatsApp message: a text, or what `ringback.wa` makes. Else as `sms`, with `whatsapp_from`."""
        return self._put(
            drafting.whatsapp(
                self._account, to=to, content=content, from_=from_, context=context, expires_at=_expiry(ttl),
                in_doubt=in_doubt,
            ),
            key,
        )  # fmt: skip

    def call(
        self,
        *,
        to: Party,
        commands: "Commands",
        from_: Party | None = None,
        context: Mapping[str, str] | None = None,
        ttl: float | None = None,
        in_doubt: InDoubt = "hold",
        key: str | None = None,
    ) -> Sending:
        """Call a number, and follow an MC once it is answered. Else as `sms`; `call.placed` says what became of it."""
        return self._put(
            drafting.call(
                self._account, to=to, commands=commands, from_=from_, context=context, expires_at=_expiry(ttl),
                in_doubt=in_doubt,
            ),
            key,
        )  # fmt: skip

    def sending(self, ref: str) -> SendRecord | None:
        """Return what is known of a send; None where that is nothing, or nothing more. Raises UnreadableSendError."""
        queue.take_in(self._redis, self._keys)
        return queue.record_of(self._redis, self._keys, ref)

    def _put(self, draft: Draft, key: str | None) -> Sending:
        ref = ref_of("outbox", self._account, token_hex(16) if key is None else f"key {key}")
        with self._redis.pipeline(transaction=True) as pipeline:
            queue.add(pipeline, self._keys, [[Intent.of(ref, draft)]])
            pipeline.execute()
        return Sending(ref, draft.provider, draft.account, draft.to)


def _expiry(ttl: float | None) -> float | None:
    return None if ttl is None else datetime.now(UTC).timestamp() + ttl
