"""Discovery: find the user's handlers, in the modules of `RINGBACK_HANDLERS` and in installed plugins."""

import importlib
import inspect
import sys
import traceback
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Final

from workers.registry import HandlerError, Registry, marks

ENTRY_POINT_GROUP: Final = "ringback.handlers"
_SETTING: Final = "RINGBACK_HANDLERS"


def load_registry(modules: Iterable[str]) -> Registry:
    """Import the handler modules and the plugins, and collect their handlers. A function counts once.

    Modules are also looked for in the current folder, as `python -m` does. Raises HandlerError: one line that says
    which module, and what is wrong where.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    registry = Registry()
    collected: set[int] = set()
    named = [(name, _SETTING) for name in modules]
    named += [(point.module, f"plugin {point.name}") for point in entry_points(group=ENTRY_POINT_GROUP)]
    for name, source in named:
        for function in vars(_import(name, source)).values():
            if inspect.isfunction(function) and marks(function) and id(function) not in collected:
                collected.add(id(function))
                registry.add(function)
    return registry


def has_plugins() -> bool:
    """Tell whether an installed package brings handlers."""
    return bool(entry_points(group=ENTRY_POINT_GROUP))


def _import(name: str, source: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise HandlerError(f'{source}: there is no module "{name}" in {Path.cwd()} or among the packages') from None
        raise HandlerError(f"{source}: {name} cannot be imported: {_where(error)}") from None
    except HandlerError as error:
        raise HandlerError(f"{source}: {name}: {error}") from None
    except Exception as error:  # noqa: BLE001 - user code may raise anything, and the user wants to know what and where
        raise HandlerError(f"{source}: {name} cannot be imported: {_where(error)}") from None


def _where(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({error.filename}, line {error.lineno})"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    message = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {message} ({frame.filename}, line {frame.lineno})"
