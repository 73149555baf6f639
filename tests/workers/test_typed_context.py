"""What a type checker says of handlers that send: a line that is ignored here must be an error.

Else mypy, which `make check` runs in strict mode, says that the comment is not needed.
"""

from typing import TYPE_CHECKING, assert_type

from ringback import AsyncMocean, Context, Mocean, MyCoolSms, mc, wa
from ringback.clients.mocean.queries import Balance
from ringback.clients.mocean.sms import Sent
from ringback.clients.mocean.verify import CodeChecked
from ringback.clients.mycoolsms.sms import SentSms
from ringback.outbox.draft import Sending

if TYPE_CHECKING:

    async def wrong(ctx: Context) -> None:
        await ctx.reply("Hi")  # type: ignore[misc] # it is a plain function
        ctx.reply(mc.say("Hi"))  # type: ignore[arg-type]
        ctx.reply("Hi", channel="sms")  # type: ignore[call-arg] # the channel is the message's
        ctx.send.sms(to="+60123456789", text="Hi", provider="whatsapp")  # type: ignore[arg-type]
        ctx.send.sms(to="+60123456789", content="Hi")  # type: ignore[call-arg]
        ctx.send.whatsapp(to="+60123456789", content=mc.say("Hi"))  # type: ignore[arg-type]
        ctx.send.call(to="+60123456789", commands=wa.text("Hi"))  # type: ignore[arg-type]
        ctx.send.fax(to="+60123456789")  # type: ignore[attr-defined]
        await ctx.send.sms(to="+60123456789", text="Hi")  # type: ignore[misc]
        ctx.mocean.sms(to="+60123456789", text="Hi")  # type: ignore[call-arg] # no sender
        ctx.mocean(key="otp").sms(to="+60123456789", text="Hi")  # type: ignore[call-arg]
        ctx.mocean("otp")  # type: ignore[call-arg] # by name only
        ctx.mocean(key="a")(key="b")  # type: ignore[operator] # a key is for one call
        ctx.mocean.sms(to="+60123456789", from_="ACME", text="Hi", key="otp")  # type: ignore[call-arg]
        await ctx.mocean.balance()  # type: ignore[misc]
        _ = ctx.async_mocean.balance().value  # type: ignore[attr-defined]
        __ = ctx.mycoolsms.whatsapp  # type: ignore[attr-defined]
        Mocean(api_key="a", api_secret="b")(key="otp")  # type: ignore[operator] # only handlers have keys

    async def right(ctx: Context, async_ctx: Context) -> None:
        assert_type(ctx.reply("Hi"), Sending)
        assert_type(ctx.send.sms(to="+60123456789", text="Hi", from_="ACME"), Sending)
        mocean: Mocean = ctx.mocean
        patient: AsyncMocean = async_ctx.async_mocean
        cool: MyCoolSms = ctx.mycoolsms
        assert_type(mocean.balance(), Balance)
        assert_type(await patient.balance(), Balance)
        assert_type(cool.sms(to="+60123456789", text="Hi"), SentSms)
        assert_type(ctx.mocean(key="otp").sms(to="+60123456789", from_="ACME", text="Hi"), Sent)
        assert_type(ctx.mocean.verify.check("r", "1234"), CodeChecked)
        assert_type(await ctx.async_mocean(key="c").verify.check("r", "1234"), CodeChecked)
        assert_type(await ctx.async_mycoolsms(key="otp").sms(to="+60123456789", text="Hi"), SentSms)
