"""Errors in the shape of Lambda's Runtime API, with the types that AWS's Python runtime gives them.

Source: awslambdaric (bootstrap.py, lambda_runtime_exception.py).
"""

from __future__ import annotations

import os
import traceback
from typing import Any, Final

#: Longest type, message and line of a trace that is reported.
_TEXT_LENGTH_MAX: Final = 16 * 1024
_RUNTIME_DIR: Final = os.path.join(os.path.dirname(__file__), "")


class RuntimeProblem(Exception):
    """An error that the runtime itself has found, with Lambda's name for it."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def describe(error: BaseException) -> dict[str, Any]:
    """The payload of ``threw`` and ``init-error``: type, message, trace, and the error's code."""
    if isinstance(error, RuntimeProblem):
        cause = error.__cause__
        trace = [] if cause is None else _trace_of(cause)
        return {"errorType": error.error_type, "errorMessage": _cut(str(error)), "trace": trace}
    code = getattr(error, "code", None)
    described: dict[str, Any] = {
        "errorType": _cut(type(error).__name__),
        "errorMessage": _cut(_text_of(error)),
        "trace": _trace_of(error),
    }
    if isinstance(code, str):
        described["code"] = _cut(code)
    return described


def _trace_of(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    # The runtime's own frames are of no use to whoever wrote the function.
    own = [frame for frame in frames if not frame.filename.startswith(_RUNTIME_DIR)]
    return [_cut(line) for line in traceback.format_list(own)]


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return f"<{type(error).__name__} without a text>"


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:_TEXT_LENGTH_MAX]
