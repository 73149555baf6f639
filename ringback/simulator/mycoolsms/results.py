"""What a function of My-Cool-SMS leads to."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringback.simulator.mycoolsms.books import OutboundSms


@dataclass(frozen=True, slots=True)
class FunctionResult:
    """The values of an answer beside `success`, and the SMS that are on their way now."""

    values: dict[str, object]
    sent: tuple["OutboundSms", ...] = ()

    @property
    def answer(self) -> dict[str, object]:
        """The answer as the document shows it."""
        return {"success": True, **self.values}
