"""Discovery: find the user's handlers, in the modules of `RINGBACK_HANDLERS` and in installed plugins."""

import importlib
import inspect
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final

from ringback.workers.marks import HandlerError, marks
from ringback.workers.registry import Registry

ENTRY_POINT_GROUP: Final = "ringback.handlers"
_SETTING: Final = "RINGBACK_HANDLERS"
_OWN: Final = "ringback"


def load_registry(modules: Iterable[str]) -> Registry:
    """Import the handler modules and the plugins, and collect their handlers. A function counts once.

    Modules are also looked for in the current folder, as `python -m` does. Raises HandlerError: one line that says
    which module, and what is wrong where; also for a module in which there are none.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    registry = Registry()
    collected: set[int] = set()
    named = [(name, _SETTING) for name in modules]
    named += [(point.module, f"plugin {point.name}") for point in entry_points(group=ENTRY_POINT_GROUP)]
    for name, source in named:
        module = _import(name, source)
        functions = list(_marked(module))
        if not functions:
            raise HandlerError(f"{source}: {_without_handlers(module)}")
        for function in functions:
            if id(function) not in collected:
                collected.add(id(function))
                registry.add(function)
    return registry


def _marked(module: ModuleType) -> Iterator[FunctionType]:
    for function in vars(module).values():
        if inspect.isfunction(function) and marks(function):
            yield function


def _without_handlers(module: ModuleType) -> str:
    """Return why a module that was named as one of handlers has none, and what to write."""
    name = module.__name__
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == _OWN:
        whose = "Python's" if top in sys.stdlib_module_names else "Ringback's"
        return f"{name} is {whose} own and has no handlers; name your module, and rename it if it is called {top} too"
    if hasattr(module, "__path__"):
        return f"{name} is a package, and its __init__.py has no handlers; name the modules in it, such as {name}.sms"
    where = module.__file__ or "built in"
    return f"{name} has no handlers ({where}); write @on(type of event, …) or @voice.answer() above a function there"


def has_plugins() -> bool:
    """Tell whether an installed package brings handlers."""
    return bool(entry_points(group=ENTRY_POINT_GROUP))


def _import(name: str, source: str) -> ModuleType:
    if (better := _as_module(name)) != name:
        raise HandlerError(f'{source}: "{name}" is not the name of a module; write {better or "one such as handlers"}')
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise HandlerError(f'{source}: there is no module "{name}" in {Path.cwd()} or among the packages') from None
        raise HandlerError(f"{source}: {name} cannot be imported: {_where(error)}") from None
    except HandlerError as error:
        raise HandlerError(f"{source}: {name}: {error}") from None
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        reason = f"it ends the program, sys.exit({error.code!r}) ({_place(error)})"
        raise HandlerError(f"{source}: {name} cannot be imported: {reason}") from None
    except BaseException as error:  # noqa: BLE001 - user code may raise anything; the user wants to know what and where
        raise HandlerError(f"{source}: {name} cannot be imported: {_where(error)}") from None


def _as_module(name: str) -> str:
    """Return the name of the module that a file's name, a path or `module:function` means; "" where it is none."""
    path = name.partition(":")[0].replace("\\", "/").removesuffix(".py")
    parts = [part for part in path.replace("/", ".").split(".") if part]
    # A file called my-handlers.py can be imported by its name, if not by an import statement.
    return ".".join(parts) if all(part.replace("-", "_").isidentifier() for part in parts) else ""


def _where(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({error.filename}, line {error.lineno})"
    message = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {message} ({_place(error)})"


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}, line {frame.lineno}"
