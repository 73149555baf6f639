"""Phone: a call to the running service, made as the provider makes it: answer, digits, hang-up.

    with httpx.Client() as client:
        call = PhoneCall(ServiceLine.of(settings, client), caller="60123456789", callee="60312345678")
        call.ring()
        call.press("1")
        call.hang_up()

What the provider's document leaves open is marked *assumed*.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from ringback.schemas.callback_parameters import INSECURE_ACCOUNT, without_secret
from ringback.schemas.mc_actions import Action, Collect
from ringback.schemas.settings import Settings
from ringback.schemas.tokens import Token
from ringback.wire.hearing import collect_of, heard_of, read_mc
from ringback.wire.samples import find
from ringback.wire.sending import Wire, build, random_id


class PhoneError(Exception):
    """The service answered a call with no MC."""


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """The way to a service: where it is, which URLs lead to it, its secret, and what it says when it has no answer."""

    client: httpx.Client
    at: str
    public: str
    secret: str | None
    fallback: list[dict[str, object]]

    @classmethod
    def of(
        cls, settings: Settings, client: httpx.Client, *, token: Token | None = None, at: str | None = None
    ) -> "ServiceLine":
        """Give the line to the service with these settings, on this machine if `at` does not say where else.

        The first token is used if none is given.
        """
        token = token or next(iter(settings.tokens), None)
        return cls(
            client=client,
            at=(at or settings.local_url).rstrip("/"),
            public=settings.base_url,
            secret=token.secret.get_secret_value() if token else None,
            fallback=settings.fallback_of(token.account if token else INSECURE_ACCOUNT),
        )

    def way_to(self, event_url: str) -> str | None:
        """Give the URL by which a collect's `event-url` is reached from here; None where it is someone else's."""
        for base in (self.public, self.at):
            if event_url.startswith(f"{base}/webhooks/"):
                return self.at + event_url.removeprefix(base)
        return None


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the service: to `digits`, or to the call itself (None)."""

    digits: str | None
    seconds: float
    commands: list[dict[str, object]]
    actions: tuple[Action, ...]
    is_fallback: bool

    @property
    def heard(self) -> tuple[Action, ...]:
        """Give the actions that the caller hears."""
        return tuple(heard_of(self.actions))

    @property
    def asked(self) -> Collect | None:
        """Give the collect that waits for digits; None where the flow has ended."""
        return collect_of(self.actions)

    def row(self) -> dict[str, object]:
        """Give it as JSON has it, less the secret in its URLs."""
        return {
            "digits": self.digits,
            "milliseconds": round(self.seconds * 1000, 1),
            "mc": [_without_secret(command) for command in self.commands],
            "fallback": self.is_fallback,
        }


def taken(asked: Collect, keys: str) -> str:
    """Give what the provider takes of the keys that are pressed: up to a terminator, `max` at most.

    Fewer than `min` are sent all the same, when their time is up; a terminator is not sent itself (both *assumed*).
    """
    end = min((keys.index(one) for one in asked.terminators or "" if one in keys), default=len(keys))
    return keys[: min(end, asked.max)]


class PhoneCall:
    """One call, with ids of its own."""

    def __init__(self, line: ServiceLine, caller: str, callee: str) -> None:
        self._line = line
        self.session = random_id()
        self._fields = {
            "mocean-session-uuid": self.session,
            "mocean-call-uuid": random_id(),
            "mocean-from": caller,
            "mocean-to": callee,
        }
        self._asked: Collect | None = None

    @property
    def asked(self) -> Collect | None:
        """Give the collect that waits for digits now."""
        return self._asked

    @property
    def goes_elsewhere(self) -> bool:
        """Tell whether someone else than this service is to be given the digits."""
        return self._asked is not None and self._line.way_to(self._asked.event_url or "") is None

    def ring(self) -> Turn:
        """Begin. Raises PhoneError, and httpx.HTTPError where no service answers."""
        url = f"{self._line.at}/webhooks/mocean/voice/answer"
        return self._turn(None, url, self._line.secret, self._wire("mocean/voice/answer"))

    def press(self, keys: str) -> Turn:
        """Press keys, or none in time (""), where digits are collected. Raises as `ring` does."""
        url = self._line.way_to(self._asked.event_url or "") if self._asked else None
        if self._asked is None or url is None:
            raise PhoneError("nobody here collects digits now")
        digits = taken(self._asked, keys)
        return self._turn(digits, url, None, self._wire("mocean/voice/collect", {"mocean-digits": digits}))

    def hang_up(self) -> None:
        """Send the status callback that ends the call. Raises as `ring` does."""
        wire = self._wire("mocean/voice/status", {"mocean-direction": "inbound", "mocean-status": "HANGUP"})
        response = self._send(f"{self._line.at}{wire.path}", self._line.secret, wire)
        if response.is_error:
            raise PhoneError(_refusal(response))

    def _wire(self, name: str, fields: Mapping[str, str] | None = None) -> Wire:
        return build(find(name), {**self._fields, **(fields or {})})

    def _turn(self, digits: str | None, url: str, secret: str | None, wire: Wire) -> Turn:
        began = time.perf_counter()
        response = self._send(url, secret, wire)
        seconds = time.perf_counter() - began
        if response.is_error:
            raise PhoneError(_refusal(response))
        try:
            commands = response.json()
            actions = read_mc(commands)
        except ValueError:
            raise PhoneError(_refusal(response)) from None
        turn = Turn(digits, seconds, commands, actions, commands == self._line.fallback)
        self._asked = turn.asked
        return turn

    def _send(self, url: str, secret: str | None, wire: Wire) -> httpx.Response:
        """Send a request; the `event-url` of a collect has its secret already, and what else its query says."""
        parts = httpx.URL(url)
        if secret is not None:
            parts = parts.copy_merge_params({"token": secret})
        return self._line.client.request(wire.method, parts, headers=dict(wire.headers), content=wire.body)


def _refusal(response: httpx.Response) -> str:
    text = response.text.strip()[:200]
    return f"the service answered {response.status_code}, which is no MC" + (f": {text}" if text else "")


def _without_secret(command: Mapping[str, object]) -> dict[str, object]:
    url = command.get("event-url")
    if not isinstance(url, str):
        return dict(command)
    base, _, query = url.partition("?")
    kept = without_secret(query.encode())
    return {**command, "event-url": f"{base}?{kept}" if kept else base}
