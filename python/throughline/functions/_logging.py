"""The root logger as Lambda's Python runtime sets it up.

Level, time in UTC, request id and message, with tabs between.

Source: awslambdaric (bootstrap.py, `_setup_logging`).
"""

from __future__ import annotations

import logging
import sys
import time


class _RequestIdFilter(logging.Filter):
    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.request_id
        return True


_filter = _RequestIdFilter()


def set_up_logging() -> None:
    """Gives the root logger its handler."""
    sink = logging.StreamHandler(sys.stdout)
    layout = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    formatter = logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    sink.setFormatter(formatter)
    sink.addFilter(_filter)
    logging.getLogger().addHandler(sink)


def set_request_id(request_id: str) -> None:
    """Names the invocation whose lines follow."""
    _filter.request_id = request_id
