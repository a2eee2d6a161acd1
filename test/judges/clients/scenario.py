"""What every Python client is put through, whichever library it is written with.

    python <client>.py BOOTSTRAP TOPIC COUNT

1. Admin: makes a topic of 6 partitions, finds it in the list, reads its configuration, adds partitions to another, deletes it.
2. Produces COUNT records from two producers (acks=all, idempotent where the library can) while a group of two members
   consumes with commits; at a third of the way a third member joins, at half of it one leaves without saying so.
3. Prints `halfway` on the way: whoever started the script may kill the broker and start it again then.
4. Every acknowledged record must be seen by the group, and stand on the log exactly once (a second time only where the
   library has no idempotent producer); offsets are contiguous; the committed offsets reach the end.

The last line is a JSON object with what was counted; a failure is an exception and exit status 1.
"""

import collections
import json
import sys
import threading
import time

DEADLINE_SECONDS = 120
CONFIG = {"retention.ms": "86400000"}


class Run:
    def __init__(self, client, bootstrap, topic, count):
        self.client, self.bootstrap, self.topic, self.count = client, bootstrap, topic, count
        self.acknowledged = []
        self.seen = collections.Counter()
        self.lock = threading.Lock()
        self.errors = []
        self.all_seen = threading.Event()
        self.deadline = time.monotonic() + DEADLINE_SECONDS

    def admin(self):
        client = self.client
        other = self.topic + "-other"
        for topic, partitions in ((self.topic, 6), (other, 1)):
            client.create_topic(topic, partitions)
        self.until(lambda: {self.topic, other} <= set(client.topics()), "both topics in the list")
        config = client.topic_config(self.topic)
        assert {name: config.get(name) for name in CONFIG} == CONFIG, config
        client.add_partitions(other, 3)
        self.until(lambda: client.partition_count(other) == 3, "the added partitions")
        client.delete_topic(other)
        self.until(lambda: other not in client.topics(), "the deletion")

    def until(self, condition, what):
        while not condition():
            if time.monotonic() > self.deadline:
                raise AssertionError("waited too long for " + what)
            time.sleep(0.05)

    def produce(self, name):
        values = ["%s-%d" % (name, i) for i in range(self.count // 2)]
        for start in range(0, len(values), 50):
            part = values[start : start + 50]
            done = self.client.produce(self.topic, part)
            with self.lock:
                self.acknowledged += done
            if name == "a" and start <= len(values) // 2 < start + 50:
                print("halfway", flush=True)

    def consume(self, stop):
        consumer = self.client.group_consumer(self.topic, self.topic + "-group")
        try:
            while not stop.is_set():
                values = consumer.poll()
                with self.lock:
                    self.seen.update(values)
                    if len(self.seen) >= self.count:
                        self.all_seen.set()
                if values:
                    consumer.commit()
        finally:
            consumer.close()

    def guarded(self, action, *arguments):
        try:
            action(*arguments)
        except BaseException as error:  # noqa: BLE001 - every failure of a thread fails the run
            self.errors.append("%s: %r" % (action.__name__, error))
            self.all_seen.set()

    def start(self, action, *arguments):
        thread = threading.Thread(target=self.guarded, args=(action, *arguments), daemon=True)
        thread.start()
        return thread

    def run(self):
        self.admin()
        stops = [threading.Event() for _ in range(3)]
        members = [self.start(self.consume, stop) for stop in stops[:2]]
        producers = [self.start(self.produce, name) for name in ("a", "b")]
        self.until(lambda: self.errors or sum(self.seen.values()) > self.count // 3, "a third of the records")
        members.append(self.start(self.consume, stops[2]))
        self.until(lambda: self.errors or sum(self.seen.values()) > self.count // 2, "half of the records")
        stops[0].set()
        for producer in producers:
            producer.join(self.deadline - time.monotonic())
            assert not producer.is_alive(), "a producer did not come to its end; %r" % self.errors
        self.all_seen.wait(max(0, self.deadline - time.monotonic()))
        for stop in stops:
            stop.set()
        for member in members:
            member.join(30)
        assert not self.errors, self.errors
        self.judge()

    def judge(self):
        missing = set(self.acknowledged) - set(self.seen)
        assert len(self.acknowledged) == self.count, "%d of %d acknowledged" % (len(self.acknowledged), self.count)
        assert not missing, "%d acknowledged records were not seen, e.g. %s" % (len(missing), sorted(missing)[:3])
        offsets, values = self.client.scan(self.topic)
        twice = [value for value, times in collections.Counter(values).items() if times > 1]
        assert set(values) == set(self.acknowledged), "the log holds what was acknowledged"
        if self.client.is_idempotent:
            assert not twice, "%d records stand on the log twice" % len(twice)
        for partition, found in offsets.items():
            assert found == list(range(len(found))), "offsets of partition %d have gaps" % partition
        committed = self.client.committed(self.topic, self.topic + "-group")
        assert sum(committed.values()) == len(values), (committed, len(values))
        print(json.dumps({"records": len(values), "twice": len(twice), "seenAgain": sum(self.seen.values()) - self.count}))


def main(make_client):
    bootstrap, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    client = make_client(bootstrap)
    Run(client, bootstrap, topic, count).run()
    if hasattr(client, "close"):
        client.close()
