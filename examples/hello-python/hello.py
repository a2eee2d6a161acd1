"""A function that returns a value."""


def handler(event, context):
    return {"hello": event.get("name", "world")}
