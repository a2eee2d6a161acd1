"""The handlers of http.ts in Python: what they answer is in their event, or in the body of its request."""

import asyncio
import json
import logging
import os
import sys
import time

from throughline.functions import HttpResponse


def asked_by(event):
    if "requestContext" not in event:
        return event
    body = event.get("body", "")
    return json.loads(body) if body.startswith("{") else {}


def handler(event, context):
    asked = asked_by(event)
    print("asked", ",".join(asked))
    logging.getLogger().warning("logged")
    if "throws" in asked:
        raise ValueError(asked["throws"])
    if "exits" in asked:
        sys.exit(asked["exits"])
    if "sleeps" in asked:
        time.sleep(60)
    if "bytes" in asked:
        return "x" * asked["bytes"]
    if "circular" in asked:
        value = []
        value.append(value)
        return value
    if "answer" in asked:
        return asked["answer"]
    return {
        "event": event,
        "context": {
            "awsRequestId": context.aws_request_id,
            "functionName": context.function_name,
            "memoryLimitInMB": context.memory_limit_in_mb,
            "invokedFunctionArn": context.invoked_function_arn,
            "custom": context.client_context and context.client_context.custom,
            "remaining": context.get_remaining_time_in_millis(),
        },
        "env": sorted(os.environ),
    }


async def asynchronous(event, context):
    await asyncio.sleep(0.001)
    return {"asked": asked_by(event)}


def streaming(event, context):
    asked = asked_by(event)
    if "head" in asked:
        head = asked["head"]
        yield HttpResponse(head.get("statusCode", 200), head.get("headers", {}), head.get("cookies", []))
    for text in asked.get("writes", []):
        yield text
    if "throws" in asked:
        raise ValueError(asked["throws"])
    if "yields" in asked:
        yield asked["yields"]


async def streaming_asynchronous(event, context):
    asked = asked_by(event)
    for text in asked.get("writes", []):
        await asyncio.sleep(0)
        yield text.encode()
    try:
        await asyncio.sleep(60 if "sleeps" in asked else 0)
    except asyncio.CancelledError:
        print("cancelled", context.cancelled.is_set())
        raise


class Nested:
    def method(self, event, context):
        return "nested"


nested = Nested()
