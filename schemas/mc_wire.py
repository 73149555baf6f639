"""Mocean Commands on the wire: the actions that answer a call, in a JSON array.

`parse_mc` reads what a handler returns, `render_mc` writes what goes over the wire, `make` takes Python's names.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Final, Protocol, TypeVar, runtime_checkable
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from ringback.schemas.mc_actions import ACTIONS, Action, Collect, Language, Say, wire_name

TERMINATORS: Final = "terminators"
"""Parameter of a step's URL that names the keys that end the input."""
_ELSE: Final = "mc.raw({…}) passes on what Ringback does not know"


class McError(ValueError):
    """An MC that Mocean would refuse (its code 13): which action, which field, what is wrong.

    `index` counts from 0; it is None for an action that is not in an MC yet, and for what is wrong with the MC itself.
    Numbers, URLs and texts are not quoted: the message goes to the log.
    """

    def __init__(
        self, reason: str, *, index: int | None = None, action: str | None = None, field: str | None = None
    ) -> None:
        where = ", ".join(filter(None, (action if index is None else f"action {index}", field)))
        super().__init__(f"{where}: {reason}" if where else reason)
        self.reason = reason
        self.index = index
        self.field = field


ActionT = TypeVar("ActionT", bound=Action)


@runtime_checkable
class _Builder(Protocol):
    """The official SDK's `McBuilder`."""

    def build(self) -> object: ...


@runtime_checkable
class _Built(Protocol):
    """What the official SDK's `Mc` makes, one action."""

    def get_request_data(self) -> object: ...


def make(model: type[ActionT], /, **fields: object) -> ActionT:
    """Make an action of fields by their Python names. Raises McError naming the action and the field."""
    try:
        return model.model_validate(fields, by_alias=False, by_name=True)
    except ValidationError as error:
        field, reason = _problem(model, error, str)
        raise McError(reason, action=model.__name__.lower(), field=field) from None


def parse_mc(commands: object) -> tuple[Action, ...]:
    """Check one action or several: models, dicts with the wire's names, or what the official SDK builds.

    Raises McError naming the action's index (from 0) and field of the first thing that is wrong.
    """
    if isinstance(commands, _Builder):
        commands = _ask(commands.build)
    if isinstance(commands, BaseModel | Mapping | _Built):
        commands = (commands,)
    if not isinstance(commands, Iterable) or isinstance(commands, str | bytes):
        raise McError(f"an MC is a list of actions, not {type(commands).__name__}")
    actions = tuple(_parse(index, item) for index, item in enumerate(commands))
    if not actions:
        raise McError("an MC needs at least one action")
    return actions


def render_mc(actions: Iterable[Action], step_url: Callable[[str], str], language: Language) -> list[dict[str, object]]:
    """Write an MC with the wire's names. `step_url` makes the `event-url` of a named step."""
    rendered = []
    for action in actions:
        command = action.wire()
        if isinstance(action, Collect) and action.step is not None:
            del command["step"]
            command["event-url"] = _ended_by(step_url(action.step), action.terminators)
        if isinstance(action, Say):
            command.setdefault("language", language.value)
        rendered.append(command)
    return rendered


def _ended_by(url: str, terminators: str | None) -> str:
    """Name the terminators in the URL that gets the digits: a terminator that comes along is then known for one."""
    if terminators is None:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode({TERMINATORS: terminators}, safe='*')}"


def _parse(index: int, item: object) -> Action:
    if isinstance(item, Action):
        return item
    if isinstance(item, _Built):
        item = _ask(item.get_request_data, index)
    if not isinstance(item, Mapping):
        raise McError(f"an action is what mc makes, or a dict, not {type(item).__name__}", index=index)
    name = item.get("action")
    model = ACTIONS.get(name) if isinstance(name, str) else None
    if model is None:
        raise McError(_no_action(name), index=index, field="action")
    try:
        return model.model_validate(dict(item))
    except ValidationError as error:
        field, reason = _problem(model, error, wire_name)
        raise McError(reason, index=index, field=field) from None


def _ask(build: Callable[[], object], index: int | None = None) -> object:
    """Let the SDK build. It has checks of its own, and raises its own error for a field that is missing."""
    try:
        return build()
    except Exception as error:
        raise McError(f"the SDK's builder refuses it: {error}", index=index) from error


def _problem(model: type[Action], error: ValidationError, named: Callable[[str], str]) -> tuple[str | None, str]:
    """Return the name of the first field that is wrong, if it has one, and what is wrong with it."""
    problems = error.errors(include_url=False, include_input=False)
    # A mistyped name first: it tells why the right one is missing.
    problem = next((each for each in problems if each["type"] in ("extra_forbidden", "invalid_key")), problems[0])
    if not problem["loc"]:
        return None, problem["msg"]
    field = str(problem["loc"][0])
    match problem["type"]:
        case "extra_forbidden" | "invalid_key":
            action = model.__name__.lower()
            known = [named(name) for name in model.model_fields if name != "action"]
            there = f"it has {', '.join(known)}" if known else "it has none"
            return field, f"{action} has no such field{_near(field, known)}; {there}; {_ELSE}"
        case "missing":
            reason = "is missing"
        case _:
            reason = problem["msg"].removeprefix("Value error, ")
    # A default that is refused has its Python name, whatever the others have.
    return named(field), reason


def _no_action(name: object) -> str:
    if not isinstance(name, str):
        return f"must be a text, one of {', '.join(ACTIONS)}"
    return f"{name[:32]!a} is no action{_near(name, ACTIONS)}; there are {', '.join(ACTIONS)}; {_ELSE}"


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name.lower(), [*known], n=1)
    return f" (did you mean {near[0]}?)" if near else ""
