"""The pipe to the supervisor: frames on file descriptor 3, a stream socket.

    frame   u32 length (big endian; of everything after it) | u8 type | u32 invocation | payload

The other end is packages/functions/src/invoker/framed-pipe.ts, which describes each type.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from typing import Any, Final, NamedTuple

INVOKE: Final = 1
CANCEL: Final = 2
PING: Final = 3
READY: Final = 16
INIT_ERROR: Final = 17
HEAD: Final = 18
DATA: Final = 19
RETURNED: Final = 20
THREW: Final = 21
PONG: Final = 22
LEAKED: Final = 24

#: A larger write is cut, so that no frame is above the supervisor's limit.
WRITE_BYTES_MAX: Final = 256 * 1024

_HEAD: Final = struct.Struct(">IBI")
#: What `length` counts of the head itself.
_COUNTED_BYTES: Final = 5


class Frame(NamedTuple):
    """A frame that came."""

    type: int
    invocation: int
    payload: bytes


class Pipe:
    """Reads and writes frames; several threads may write."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb", buffering=64 * 1024)
        self._writing = threading.Lock()

    def read(self) -> Frame | None:
        """Returns the next frame, or None when the other end has gone."""
        head = self._reader.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        length, kind, invocation = _HEAD.unpack(head)
        payload = self._reader.read(length - _COUNTED_BYTES)
        return Frame(kind, invocation, payload)

    def send(self, kind: int, invocation: int, payload: bytes = b"") -> None:
        """Writes a frame; waits while the other end does not read."""
        head = _HEAD.pack(_COUNTED_BYTES + len(payload), kind, invocation)
        with self._writing:
            self._connection.sendall(head + payload)

    def send_json(self, kind: int, invocation: int, value: Any) -> None:
        """Writes a frame whose payload is JSON."""
        self.send(kind, invocation, json.dumps(value).encode())

    def send_data(self, invocation: int, data: bytes) -> None:
        """Writes what a handler has yielded."""
        for start in range(0, len(data), WRITE_BYTES_MAX):
            self.send(DATA, invocation, data[start : start + WRITE_BYTES_MAX])
