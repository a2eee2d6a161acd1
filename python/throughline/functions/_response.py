"""How a streamed HTTP answer begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class HttpResponse:
    """Status, headers and cookies of a streamed answer.

    A generator yields it before its first text or bytes.

    It is to Python what ``awslambda.HttpResponseStream.from`` is to Node.js.

    Example::

        def handler(event: object, context: Context) -> Iterator[HttpResponse | str]:
            yield HttpResponse(status_code=201, headers={"content-type": "text/plain"})
            yield "made"
    """

    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cookies: Sequence[str] = ()
