"""A function that says what it was called with. Each trigger has the event that AWS gives it."""

import base64


def handler(event, context):
    who = caller_of(event)
    print(f"greetings {who}")
    return {"greetings": who}


def caller_of(event):
    if "rawPath" in event:
        return f"request of {event['rawPath']}"
    if "records" in event:
        records = [record for batch in event["records"].values() for record in batch]
        values = [base64.b64decode(record["value"]).decode() for record in records]
        return f"records {', '.join(values)}"
    if "Records" in event:
        return f"file {', '.join(record['s3']['object']['key'] for record in event['Records'])}"
    return event.get("from", "whoever you are")
