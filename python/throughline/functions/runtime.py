"""What runs inside an environment's process.

It loads the function once and then serves invocations, one at a time:

    python3 -u -m throughline.functions.runtime <entry> <handler> <environment id>

Invocations come as frames on file descriptor 3. A thread reads them, so that a ping is answered
and a cancellation heard while a handler works. The process ends itself when the pipe closes: no
environment outlives its supervisor.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, Final, NoReturn

from throughline.functions import _frames
from throughline.functions._context import Context
from throughline.functions._errors import RuntimeProblem, describe
from throughline.functions._frames import Pipe
from throughline.functions._handler import Handler, load_handler
from throughline.functions._logging import set_request_id, set_up_logging
from throughline.functions._response import HttpResponse

#: Lambda's content type for an answer that begins with a status and headers.
_PRELUDE_TYPE: Final = "application/vnd.awslambda.http-integration-response"

Call = tuple[int, bytes]


class Runtime:
    """One process, one function."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
        #: Guards what follows, which the thread of the handler and that of the pipe share.
        self._sharing = threading.Lock()
        self._cancelled: set[int] = set()
        self._current: tuple[int, Context] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        #: What is there without any invocation; None where nobody asks what invocations leave.
        self._at_ready: dict[str, int] | None = None

    def listen(self) -> None:
        """Reads the pipe until its other end has gone."""
        threading.Thread(target=self._read, name="throughline-pipe", daemon=True).start()

    def serve(self, handler: Handler) -> NoReturn:
        """Serves invocations for ever."""
        if os.environ.get("THROUGHLINE_REPORTS_LEAKS") == "1":
            self._at_ready = self._count_work()
        self._pipe.send(_frames.READY, 0)
        while True:
            self._serve_one(handler, *self._calls.get())

    def _read(self) -> None:
        while True:
            frame = self._pipe.read()
            if frame is None:
                os._exit(0)
            if frame.type == _frames.PING:
                self._pipe.send(_frames.PONG, 0)
            elif frame.type == _frames.INVOKE:
                self._calls.put((frame.invocation, frame.payload))
            elif frame.type == _frames.CANCEL:
                self._cancel(frame.invocation)

    def _cancel(self, number: int) -> None:
        with self._sharing:
            self._cancelled.add(number)
            if self._current is None or self._current[0] != number:
                return
            self._current[1].cancelled.set()
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)

    def _serve_one(self, handler: Handler, number: int, payload: bytes) -> None:
        request = json.loads(payload)
        context = Context(request)
        set_request_id(context.aws_request_id)
        _set_trace_id(request.get("traceId"))
        with self._sharing:
            self._current = (number, context)
            if number in self._cancelled:
                context.cancelled.set()
        try:
            self._answer(number, handler(request["event"], context))
        except BaseException as error:
            sys.stdout.flush()
            if isinstance(error, SystemExit):
                _end(error)
            self._tell_leaks(number)
            self._pipe.send_json(_frames.THREW, number, describe(error))
        finally:
            with self._sharing:
                self._current = None
                self._cancelled.discard(number)

    def _answer(self, number: int, answer: Any) -> None:
        if isinstance(answer, Iterator):
            for item in answer:
                self._write(number, item)
            self._end_stream(number)
        elif isinstance(answer, AsyncIterator):
            self._run(self._write_all(number, answer))
            self._end_stream(number)
        elif inspect.isawaitable(answer):
            self._return(number, self._run(_awaited(answer)))
        else:
            self._return(number, answer)

    def _run(self, work: Any) -> Any:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        task = self._loop.create_task(work)
        with self._sharing:
            self._task = task
            if self._current is not None and self._current[0] in self._cancelled:
                task.cancel()
        try:
            return self._loop.run_until_complete(task)
        finally:
            with self._sharing:
                self._task = None

    async def _write_all(self, number: int, items: AsyncIterator[Any]) -> None:
        async for item in items:
            self._write(number, item)

    def _write(self, number: int, item: Any) -> None:
        if isinstance(item, HttpResponse):
            prelude = {
                "statusCode": item.status_code,
                "headers": dict(item.headers),
                "cookies": list(item.cookies),
            }
            head = {"contentType": _PRELUDE_TYPE, "prelude": prelude}
            self._pipe.send_json(_frames.HEAD, number, head)
        elif isinstance(item, str):
            self._pipe.send_data(number, item.encode())
        elif isinstance(item, (bytes, bytearray, memoryview)):
            self._pipe.send_data(number, bytes(item))
        else:
            message = (
                f"a generator yields text, bytes or one HttpResponse, not {type(item).__name__}"
            )
            raise RuntimeProblem("Runtime.StreamError", message)

    def _return(self, number: int, value: Any) -> None:
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            encoded = text.encode()
        except (TypeError, ValueError, RecursionError) as error:
            message = f"Unable to marshal response: {error}"
            raise RuntimeProblem("Runtime.MarshalError", message) from error
        sys.stdout.flush()
        self._tell_leaks(number)
        self._pipe.send(_frames.RETURNED, number, encoded)

    def _end_stream(self, number: int) -> None:
        sys.stdout.flush()
        self._tell_leaks(number)
        self._pipe.send(_frames.RETURNED, number)

    def _tell_leaks(self, number: int) -> None:
        """Names threads and tasks that an invocation has begun and not ended."""
        if self._at_ready is None:
            return
        before = self._at_ready
        leaks = [
            [name, count - before.get(name, 0)]
            for name, count in self._count_work().items()
            if count > before.get(name, 0)
        ]
        if leaks:
            self._pipe.send_json(_frames.LEAKED, number, leaks)

    def _count_work(self) -> dict[str, int]:
        tasks = asyncio.all_tasks(self._loop) if self._loop is not None else set()
        return {
            "threading.Thread": threading.active_count(),
            "asyncio.Task": sum(1 for task in tasks if not task.done()),
        }


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


def _set_trace_id(trace_id: Any) -> None:
    if isinstance(trace_id, str):
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


def _end(error: SystemExit) -> NoReturn:
    """The handler has ended its process: as on Lambda, that is no answer."""
    sys.stderr.flush()
    code = error.code
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def main() -> None:
    """Loads the function and serves it."""
    _, entry, handler_name = sys.argv[:3]
    # A terminal's Ctrl-C and a service manager's SIGTERM reach the supervisor, which decides.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    pipe = Pipe(socket.socket(fileno=3))
    runtime = Runtime(pipe)
    set_up_logging()
    runtime.listen()
    try:
        handler = load_handler(entry, handler_name)
    except BaseException as error:
        sys.stdout.flush()
        pipe.send_json(_frames.INIT_ERROR, 0, describe(error))
        os._exit(1)
    runtime.serve(handler)


if __name__ == "__main__":
    main()
