"""What a type checker says of the clients: a line that is ignored here must be an error.

Else mypy, which `make check` runs in strict mode, says that the comment is not needed.
"""

from typing import TYPE_CHECKING

from ringback import AsyncMocean, Mocean, MyCoolSms, mc, wa
from ringback.clients.mocean.sms import Sent

if TYPE_CHECKING:

    async def wrong(mocean: Mocean, patient: AsyncMocean, cool: MyCoolSms) -> None:
        mocean.sms(to="+60123456789", text="Hi")  # type: ignore[call-arg] # no sender
        mocean.sms("+60123456789", from_="ACME", text="Hi")  # type: ignore[call-arg] # by name only
        mocean.sms(to=60123456789, from_="ACME", text="Hi")  # type: ignore[arg-type]
        mocean.sms(to="+60123456789", from_="ACME", text="Hi", channel="whatsapp")  # type: ignore[call-arg]
        mocean.whatsapp(to="+60123456789", from_="60312345678", content=mc.say("Hi"))  # type: ignore[arg-type]
        mocean.call(to="+60123456789", commands=wa.text("Hi"))  # type: ignore[arg-type]
        _: str = mocean.balance()  # type: ignore[assignment]
        await mocean.sms(to="+60123456789", from_="ACME", text="Hi")  # type: ignore[misc]
        __ = patient.sms(to="+60123456789", from_="ACME", text="Hi").message_id  # type: ignore[attr-defined]
        cool.sms(to="+60123456789")  # type: ignore[call-arg] # no text

    async def right(mocean: Mocean, patient: AsyncMocean) -> tuple[Sent, Sent]:
        return (
            mocean.sms(to="+60123456789", from_="ACME", text="Hi"),
            await patient.sms(to="+60123456789", from_="ACME", text="Hi"),
        )
