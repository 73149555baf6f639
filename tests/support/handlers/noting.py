"""A handler that notes what it runs on in another Redis than the one under test, and one that answers calls."""

import os

from redis import Redis

from ringback import CallIncomingEvent, Event, mc, on, voice
from ringback.schemas.mc_actions import Say

redis = Redis.from_url(os.environ["NOTES_REDIS_URL"])
key = os.environ["NOTES_KEY"]


@on("message.received")
def note(event: Event) -> None:
    redis.rpush(key, event.id)


@voice.answer()
def welcome(call: CallIncomingEvent) -> list[Say]:
    return [mc.say("Answered by a handler.", language="en-GB")]
