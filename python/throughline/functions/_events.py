"""The events that functions are called with, one type for each trigger; forms and names are AWS's.

A type describes what a handler may read. Fields that an event does not always have stand in a
class with ``total=False``: a type checker wants ``event.get(…)`` for them.

Example::

    from throughline.functions import Context, KafkaEvent

    def handler(event: KafkaEvent, context: Context) -> None:
        for records in event["records"].values():
            for record in records:
                print(record["topic"], record["offset"], record.get("value"))

Source: AWS Lambda developer guide ("Invoking Lambda function URLs", "Using Lambda with ..."),
Amazon EventBridge user guide, Amazon S3 user guide ("Event message structure").
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

# -- Function URLs and HTTP APIs: payload format 2.0 --


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
    """A request to ``/lambda-url/<name>/…``.

    Example::

        def handler(event: FunctionUrlEvent, context: Context) -> dict[str, str]:
            return {"path": event["rawPath"], "body": event.get("body", "")}
    """

    cookies: list[str]
    queryStringParameters: dict[str, str]
    body: str


class HttpApiEvent(FunctionUrlEvent, total=False):
    """A request to a route of an HTTP API: API Gateway v2.

    Example::

        def handler(event: HttpApiEvent, context: Context) -> dict[str, str]:
            return {"id": event.get("pathParameters", {}).get("id", "")}
    """

    pathParameters: dict[str, str]
    stageVariables: dict[str, str]


# -- REST APIs: payload format 1.0 --


class RestApiIdentity(TypedDict):
    """Who sent a request."""

    sourceIp: str
    userAgent: str


class RestApiRequestContext(TypedDict):
    """What is known of a request beside its content."""

    accountId: str
    apiId: str
    domainName: str
    domainPrefix: str
    extendedRequestId: str
    httpMethod: str
    identity: RestApiIdentity
    path: str
    protocol: str
    requestId: str
    requestTime: str
    requestTimeEpoch: int
    resourceId: str
    resourcePath: str
    stage: str


class RestApiEvent(TypedDict):
    """A request to a route of a REST API: API Gateway v1.

    Example::

        def handler(event: RestApiEvent, context: Context) -> dict[str, object]:
            return {"statusCode": 200, "body": event["httpMethod"]}
    """

    version: str
    resource: str
    path: str
    httpMethod: str
    headers: dict[str, str]
    multiValueHeaders: dict[str, list[str]]
    queryStringParameters: dict[str, str] | None
    multiValueQueryStringParameters: dict[str, list[str]] | None
    pathParameters: dict[str, str] | None
    stageVariables: dict[str, str] | None
    requestContext: RestApiRequestContext
    body: str | None
    isBase64Encoded: bool


# -- Kafka --


class _KafkaRecordRequired(TypedDict):
    topic: str
    partition: int
    offset: int
    timestamp: int
    timestampType: Literal["CREATE_TIME", "LOG_APPEND_TIME"]
    headers: list[dict[str, list[int]]]


class KafkaRecord(_KafkaRecordRequired, total=False):
    """A record; ``key`` and ``value`` are Base64, and absent where the record has none."""

    key: str
    value: str


class _KafkaEventRequired(TypedDict):
    eventSource: Literal["SelfManagedKafka", "aws:kafka"]
    bootstrapServers: str
    records: dict[str, list[KafkaRecord]]


class KafkaEvent(_KafkaEventRequired, total=False):
    """A batch of records of a topic, by ``<topic>-<partition>``.

    Example::

        def handler(event: KafkaEvent, context: Context) -> None:
            for records in event["records"].values():
                for record in records:
                    print(base64.b64decode(record.get("value", "")))
    """

    eventSourceArn: str


# -- Kinesis --


class KinesisData(TypedDict):
    """A record of a stream; ``data`` is Base64."""

    kinesisSchemaVersion: str
    partitionKey: str
    sequenceNumber: str
    data: str
    approximateArrivalTimestamp: float


class KinesisRecord(TypedDict):
    """A record, and where it came from."""

    kinesis: KinesisData
    eventSource: Literal["aws:kinesis"]
    eventVersion: str
    eventID: str
    eventName: str
    invokeIdentityArn: str
    awsRegion: str
    eventSourceARN: str


class KinesisEvent(TypedDict):
    """A batch of records of a stream.

    Example::

        def handler(event: KinesisEvent, context: Context) -> BatchResponse:
            failed: list[BatchItemFailure] = []
            for record in event["Records"]:
                if not base64.b64decode(record["kinesis"]["data"]):
                    failed.append({"itemIdentifier": record["kinesis"]["sequenceNumber"]})
            return {"batchItemFailures": failed}
    """

    Records: list[KinesisRecord]


# -- SQS --


class SqsAttributes(TypedDict, total=False):
    """What a queue knows of a message."""

    ApproximateReceiveCount: str
    SentTimestamp: str
    SenderId: str
    ApproximateFirstReceiveTimestamp: str
    SequenceNumber: str
    MessageGroupId: str
    MessageDeduplicationId: str
    DeadLetterQueueSourceArn: str


class SqsMessageAttribute(TypedDict, total=False):
    """An attribute that the sender has given."""

    stringValue: str
    binaryValue: str
    stringListValues: list[str]
    binaryListValues: list[str]
    dataType: str


class SqsRecord(TypedDict):
    """A message."""

    messageId: str
    receiptHandle: str
    body: str
    attributes: SqsAttributes
    messageAttributes: dict[str, SqsMessageAttribute]
    md5OfBody: str
    eventSource: Literal["aws:sqs"]
    eventSourceARN: str
    awsRegion: str


class SqsEvent(TypedDict):
    """A batch of messages of a queue.

    Example::

        def handler(event: SqsEvent, context: Context) -> BatchResponse:
            late = [r for r in event["Records"] if not r["body"]]
            return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in late]}
    """

    Records: list[SqsRecord]


class KafkaItemIdentifier(TypedDict):
    """A record of a batch: ``<topic>-<partition>`` and its offset."""

    partition: str
    offset: int


class BatchItemFailure(TypedDict):
    """One of a batch that has failed: a message's id, a sequence number, or a record of Kafka."""

    itemIdentifier: str | KafkaItemIdentifier


class BatchResponse(TypedDict):
    """What a handler returns where ``reportBatchItemFailures`` is set: only these come again."""

    batchItemFailures: list[BatchItemFailure]


# -- S3 --


class S3Identity(TypedDict):
    """Who did it."""

    principalId: str


class S3Bucket(TypedDict):
    """The bucket; here, a folder."""

    name: str
    ownerIdentity: S3Identity
    arn: str


class _S3ObjectRequired(TypedDict):
    key: str
    sequencer: str


class S3Object(_S3ObjectRequired, total=False):
    """The object, here a file; ``key`` is URL-encoded. One that is gone has no size."""

    size: int
    eTag: str
    versionId: str


class S3Description(TypedDict):
    """What happened to which object."""

    s3SchemaVersion: str
    configurationId: str
    bucket: S3Bucket
    object: S3Object


class S3Record(TypedDict):
    """One change of one object."""

    eventVersion: str
    eventSource: Literal["aws:s3"]
    awsRegion: str
    eventTime: str
    eventName: str
    userIdentity: S3Identity
    requestParameters: dict[str, str]
    responseElements: dict[str, str]
    s3: S3Description


class S3Event(TypedDict):
    """Objects that were created or removed.

    Example::

        def handler(event: S3Event, context: Context) -> list[str]:
            return [unquote_plus(record["s3"]["object"]["key"]) for record in event["Records"]]
    """

    Records: list[S3Record]


# -- EventBridge --

_EventBridgeHead = TypedDict(
    "_EventBridgeHead",
    {
        "version": str,
        "id": str,
        "detail-type": str,
        "source": str,
        "account": str,
        "time": str,
        "region": str,
        "resources": list[str],
    },
)


class EventBridgeEvent(_EventBridgeHead):
    """An event of a bus; ``detail`` is whatever its sender has put into it.

    Example::

        def handler(event: EventBridgeEvent, context: Context) -> None:
            print(event["source"], event["detail-type"], event["detail"]["total"])
    """

    detail: dict[str, Any]


class ScheduledEvent(EventBridgeEvent):
    """A tick of a schedule that has no input of its own; ``detail`` is empty.

    Example::

        def handler(event: ScheduledEvent, context: Context) -> None:
            print("it is", event["time"])
    """


# -- Destinations of asynchronous invocations --


class DestinationRequestContext(TypedDict):
    """Which invocation it was, and why it came to its end."""

    requestId: str
    functionArn: str
    condition: Literal["Success", "RetriesExhausted", "EventAgeExceeded"]
    approximateInvokeCount: int


class _DestinationResponseContextRequired(TypedDict):
    statusCode: int
    executedVersion: str


class DestinationResponseContext(_DestinationResponseContextRequired, total=False):
    """How the invocation ended; a function that failed says how."""

    functionError: str


class _DestinationEventRequired(TypedDict):
    version: str
    timestamp: str
    requestContext: DestinationRequestContext
    requestPayload: Any


class DestinationEvent(_DestinationEventRequired, total=False):
    """What became of an asynchronous invocation, for its destination.

    An event that was too old before it was called has no response.

    Example::

        def handler(event: DestinationEvent, context: Context) -> None:
            print(event["requestContext"]["condition"], event["requestPayload"])
    """

    responseContext: DestinationResponseContext
    responsePayload: Any
