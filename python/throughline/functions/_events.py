"""The events of function URLs: AWS's payload format 2.0.

Source: AWS Lambda developer guide, "Invoking Lambda function URLs", "Request payload format".
"""

from __future__ import annotations

from typing import TypedDict


class HttpDescription(TypedDict):
    """The request line, and who sent it."""

    method: str
    path: str
    protocol: str
    sourceIp: str
    userAgent: str


class RequestContext(TypedDict):
    """What is known of a request beside its content."""

    accountId: str
    apiId: str
    domainName: str
    domainPrefix: str
    http: HttpDescription
    requestId: str
    routeKey: str
    stage: str
    time: str
    timeEpoch: int


class _FunctionUrlEventRequired(TypedDict):
    version: str
    routeKey: str
    rawPath: str
    rawQueryString: str
    headers: dict[str, str]
    requestContext: RequestContext
    isBase64Encoded: bool


class FunctionUrlEvent(_FunctionUrlEventRequired, total=False):
    """A request to ``/lambda-url/<name>/…``."""

    cookies: list[str]
    queryStringParameters: dict[str, str]
    body: str
