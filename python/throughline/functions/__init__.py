"""What a function gets, and what it may answer with.

A handler is ``handler(event, context)``, as on AWS Lambda: a function, an ``async`` function, or a
generator of either kind, whose answer is streamed. It needs no import; the types are for those who
want them checked.

Example::

    from throughline.functions import Context, HttpResponse

    def handler(event: dict[str, object], context: Context):
        yield HttpResponse(headers={"content-type": "text/plain"})
        yield "first, "
        yield "second"
"""

from throughline.functions._context import ClientContext, Context
from throughline.functions._events import (
    BatchItemFailure,
    BatchResponse,
    DestinationEvent,
    DestinationRequestContext,
    DestinationResponseContext,
    EventBridgeEvent,
    FunctionUrlEvent,
    HttpApiEvent,
    HttpDescription,
    KafkaEvent,
    KafkaItemIdentifier,
    KafkaRecord,
    KinesisData,
    KinesisEvent,
    KinesisRecord,
    RequestContext,
    RestApiEvent,
    RestApiIdentity,
    RestApiRequestContext,
    S3Bucket,
    S3Description,
    S3Event,
    S3Identity,
    S3Object,
    S3Record,
    ScheduledEvent,
    SqsAttributes,
    SqsEvent,
    SqsMessageAttribute,
    SqsRecord,
)
from throughline.functions._response import HttpResponse

__all__ = [
    "BatchItemFailure",
    "BatchResponse",
    "ClientContext",
    "Context",
    "DestinationEvent",
    "DestinationRequestContext",
    "DestinationResponseContext",
    "EventBridgeEvent",
    "FunctionUrlEvent",
    "HttpApiEvent",
    "HttpDescription",
    "HttpResponse",
    "KafkaEvent",
    "KafkaItemIdentifier",
    "KafkaRecord",
    "KinesisData",
    "KinesisEvent",
    "KinesisRecord",
    "RequestContext",
    "RestApiEvent",
    "RestApiIdentity",
    "RestApiRequestContext",
    "S3Bucket",
    "S3Description",
    "S3Event",
    "S3Identity",
    "S3Object",
    "S3Record",
    "ScheduledEvent",
    "SqsAttributes",
    "SqsEvent",
    "SqsMessageAttribute",
    "SqsRecord",
]
