"""Finds a handler as Lambda's Python runtime does, and tells which kind it is.

Source: awslambdaric (bootstrap.py, `_get_handler`).
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from typing import Any

from throughline.functions._errors import RuntimeProblem

Handler = Callable[[Any, Any], Any]


def load_handler(entry: str, name: str) -> Handler:
    """Loads the module at the path `entry` and looks up `name`; dots go into nested objects."""
    folder, file = os.path.split(entry)
    module_name = os.path.splitext(file)[0]
    # As the first: a function's own modules are found beside it.
    sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(module_name, entry)
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
