"""The context object of an invocation, as AWS Lambda's Python runtime has it.

Source: AWS Lambda developer guide, "Using the Lambda context object to retrieve Python function
information"; awslambdaric (lambda_context.py).
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any


class ClientContext:
    """What the caller says of itself: ``client`` is its application, ``custom`` is its own."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.custom: Any = values.get("custom")
        self.env: Any = values.get("env")
        self.client: Any = values.get("client")


class Context:
    """What a handler gets as its second argument."""

    aws_request_id: str
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str
    invoked_function_arn: str
    client_context: ClientContext | None
    identity: None
    tenant_id: None
    #: Set when nobody waits for the answer any more; its process is killed soon after. Lambda has
    #: no such thing.
    cancelled: threading.Event

    def __init__(
        self, request: Mapping[str, Any], variables: Mapping[str, str] | None = None
    ) -> None:
        known = os.environ if variables is None else variables
        name = known.get("AWS_LAMBDA_FUNCTION_NAME", "")
        region = known.get("AWS_REGION", "us-east-1")
        self.aws_request_id = request["requestId"]
        self.function_name = name
        self.function_version = known.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.memory_limit_in_mb = known.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        self.log_group_name = known.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = known.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        arn = request.get("invokedFunctionArn")
        self.invoked_function_arn = arn or f"arn:aws:lambda:{region}:000000000000:function:{name}"
        client = request.get("clientContext")
        self.client_context = ClientContext(client) if isinstance(client, Mapping) else None
        self.identity = None
        self.tenant_id = None
        self.cancelled = threading.Event()
        # Absent where it was sent before the function was loaded: its time-out begins now.
        now_ms = time.time() * 1000
        self._deadline_ms: float = request.get("deadlineMs", now_ms + request["timeoutMs"])

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation times out."""
        # Another process may have set the deadline: only wall time is common to both.
        return max(0, int(self._deadline_ms - time.time() * 1000))

    def log(self, message: str) -> None:
        """Writes to the log of the invocation."""
        sys.stdout.write(str(message))
        sys.stdout.flush()
