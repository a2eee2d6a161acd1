"""A function that streams its answer: a generator, one line each time."""

import time

from throughline.functions import HttpResponse


def handler(event, context):
    yield HttpResponse(headers={"content-type": "text/plain; charset=utf-8"})
    for count in range(1, 6):
        yield f"{count}\n"
        time.sleep(0.1)
