"""The operator's own tools: every Python file of TOOLS_DIR."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from bot.errors import BotError, ConfigError
from bot.tools.registry import ToolSpec, spec_of

_KEY = "TOOLS_DIR"
_MAX_CAUSE = 200


def load_folder(path: Path | str, *, taken: Iterable[str] = ()) -> list[ToolSpec]:
    """Give the tools of every `*.py` of a folder that does not begin with `_`, file by file in name order.

    Runs the files: they are the operator's code. Their folder joins `sys.path`, so that they can import `_shared.py`.
    Raises `ConfigError` naming the file that cannot be loaded, holds no tool, or uses a name in `taken` or of another
    file.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ConfigError(_KEY, "is not a folder.")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    owners = dict.fromkeys(taken, "another tool")
    specs: list[ToolSpec] = []
    for file in sorted(folder.glob("*.py")):
        if not file.name.startswith("_"):
            specs.extend(_tools_of(file, owners))
    return specs


def _tools_of(file: Path, owners: dict[str, str]) -> list[ToolSpec]:

    module = _imported(file)
    marked = [member for member in vars(module).values() if _is_own_tool(member, module)]
    specs = [spec_of(function) for function in dict.fromkeys(marked)]
    if not specs:
        raise ConfigError(
            _KEY, f"{file.name} holds no tool; decorate a function with @bot.tool, or begin its name with '_'."
        )
    for spec in specs:
        if spec.name in owners:
            raise ConfigError(_KEY, f"{file.name}: the tool name {spec.name!r} is already used by {owners[spec.name]}.")
        owners[spec.name] = file.name
    return specs


def _is_own_tool(member: object, module: ModuleType) -> bool:
    """Imported tools belong to the file they come from."""
    return hasattr(member, "__nod_tool__") and getattr(member, "__module__", None) == module.__name__


def _imported(file: Path) -> ModuleType:
    name = f"nod_tools_{file.stem}"
    found = importlib.util.spec_from_file_location(name, file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module  # type hints of the file are looked up there
    try:
        found.loader.exec_module(module)
    except (Exception, SystemExit) as err:  # the operator's file may raise anything; it becomes one sentence
        del sys.modules[name]
        raise ConfigError(_KEY, f"{file.name} could not be loaded: {_cause(err)}") from err
    return module


def _cause(err: BaseException) -> str:
    if isinstance(err, BotError):
        return err.user_message
    if isinstance(err, SyntaxError):
        return f"{type(err).__name__}: {err.msg} (line {err.lineno})."
    text = " ".join(str(err).split())[:_MAX_CAUSE]
    return f"{type(err).__name__}: {text}".rstrip(": .") + "."
