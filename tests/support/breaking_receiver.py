"""A receiver in which errors of Ringback's own come about: `python -m tests.support.breaking_receiver` serves like
`ringback serve`, and breaks where a callback asks for it by its message id.
"""

from collections.abc import Callable
from typing import Any

from ringback.__main__ import main
from ringback.receiver.parsing import request
from ringback.receiver.parsing.callbacks import Normalised
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.providers import BY_NAME
from ringback.schemas.settings import Settings
from ringback.system.rq_prefix import claim_rq_prefix

ADAPTER, PARSER, JSON, COMMIT = "break-adapter", "break-parser", "break-json", "break-commit"


def breaking(normalise: Callable[[Fields], Normalised], name: str) -> Callable[[Fields], Normalised]:
    """Return an adapter that raises, or writes what no JSON can hold, where the field asks for it."""

    def broken(fields: Fields) -> Normalised:
        value = fields.text(name) or ""
        if value.startswith(ADAPTER):
            raise ZeroDivisionError(value)
        draft = normalise(fields)
        if value.startswith(JSON):
            fields.raw["half"] = "\ud83d"
        return draft

    return broken


def break_all() -> None:
    claim_rq_prefix(Settings.load().keys)
    from ringback.receiver.commit.script import CommitScript  # which imports RQ

    for name, field in (("mycoolsms/delivery-report", "smsid"), ("mocean/voice/answer", "mocean-call-uuid")):
        callback = BY_NAME[name]
        object.__setattr__(callback, "normalise", breaking(callback.normalise, field))
    parse, arguments = vars(request)["parse"], CommitScript._arguments

    def broken_parse(content_type: str, body: bytes, *rest: Any) -> Any:
        if PARSER.encode() in body:
            raise KeyError(body)
        return parse(content_type, body, *rest)

    def broken_arguments(self: CommitScript, group: Any) -> Any:
        if any(COMMIT in one.json for one in group):
            raise TypeError("no argument")
        return arguments(self, group)

    vars(request)["parse"] = broken_parse
    CommitScript._arguments = broken_arguments  # type: ignore[method-assign]


if __name__ == "__main__":
    break_all()
    main()
