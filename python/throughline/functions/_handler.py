"""Finds a handler as Lambda's Python runtime does, and tells which kind it is.

Source: awslambdaric (bootstrap.py, `_get_handler`).
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any

from throughline.functions._errors import RuntimeProblem

Handler = Callable[[Any, Any], Any]


def load_handler(entry: str, name: str) -> Handler:
    """Loads the module at the path `entry` and looks up `name`; dots go into nested objects."""
    folder, module_name = _place_of(entry)
    # As the first: a function's own modules are found from there.
    sys.path.insert(0, folder)
    spec = _find_spec(module_name, entry)
    if spec is None or spec.loader is None:
        raise RuntimeProblem(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}'"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        place = f"{error.filename}, line {error.lineno}"
        message = f"Syntax error in module '{module_name}': {error.msg} ({place})"
        raise RuntimeProblem("Runtime.UserCodeSyntaxError", message) from error
    except (ImportError, FileNotFoundError) as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise RuntimeProblem("Runtime.ImportModuleError", message) from error
    found: Any = module
    for step in name.split("."):
        found = getattr(found, step, None)
        if found is None:
            message = f"Handler '{name}' missing on module '{module_name}'"
            raise RuntimeProblem("Runtime.HandlerNotFound", message)
    if not callable(found):
        message = f"Handler '{name}' of module '{module_name}' cannot be called"
        raise RuntimeProblem("Runtime.HandlerNotFound", message)
    handler: Handler = found
    return handler


def _place_of(entry: str) -> tuple[str, str]:
    """The folder that imports begin in, and the module's name in it.

    An entry below the folder of the code is a module of a package, as on Lambda: ``src/app.py`` is
    ``src.app``, and may import relative to itself.
    """
    folder, file = os.path.split(entry)
    name = os.path.splitext(file)[0]
    root = os.environ.get("LAMBDA_TASK_ROOT", folder)
    below = os.path.relpath(folder, root)
    if below == os.curdir or below.startswith(os.pardir):
        return folder, name
    steps = below.split(os.sep)
    return root, ".".join(steps if name == "__init__" else [*steps, name])


def _find_spec(module_name: str, entry: str) -> ModuleSpec | None:
    if "." not in module_name:
        return importlib.util.spec_from_file_location(module_name, entry)
    try:
        return importlib.util.find_spec(module_name)
    except ModuleNotFoundError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise RuntimeProblem("Runtime.ImportModuleError", message) from error
