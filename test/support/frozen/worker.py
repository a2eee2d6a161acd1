import threading
import time

ticks = 0


def count() -> None:
    global ticks
    while True:
        time.sleep(0.001)
        ticks += 1


def handler(event, context):
    if event.get("leak", True) and threading.active_count() < 3:
        threading.Thread(target=count, daemon=True).start()
    return {"ticks": ticks}
