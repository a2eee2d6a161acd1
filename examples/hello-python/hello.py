"""A function that returns a value."""


def handler(event, context):
    query = event.get("queryStringParameters", {})
    return {"hello": event.get("name", query.get("name", "world"))}
