"""aiokafka through the scenario: its coroutines run on one event loop in a thread of its own."""

import asyncio
import collections
import threading

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

import scenario

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


def run(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(90)


class Member:
    def __init__(self, bootstrap, topic, group):
        async def start():
            consumer = AIOKafkaConsumer(
                topic,
                bootstrap_servers=bootstrap,
                group_id=group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                session_timeout_ms=6000,
                heartbeat_interval_ms=1000,
            )
            await consumer.start()
            return consumer

        self.consumer = run(start())

    def poll(self):
        found = run(self.consumer.getmany(timeout_ms=200, max_records=100))
        return [record.value.decode() for records in found.values() for record in records]

    def commit(self):
        try:
            run(self.consumer.commit())
        except KafkaError:
            # A commit that a rebalance or a restart overtook is made again with the next records; what is never
            # committed shows in the committed offsets at the end.
            pass

    def close(self):
        self.commit()
        run(self.consumer.stop())


class Client:
    is_idempotent = True

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

        async def start():
            admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
            producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=1)
            await admin.start()
            await producer.start()
            return admin, producer

        self.admin, self.producer = run(start())

    def create_topic(self, topic, partitions):
        run(self.admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=scenario.CONFIG)]))

    def topics(self):
        return run(self.admin.list_topics())

    def partition_count(self, topic):
        return len(run(self.admin.describe_topics([topic]))[0]["partitions"])

    def topic_config(self, topic):
        described = run(self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))
        return {entry[0]: entry[1] for entry in described[0].resources[0][4]}

    def add_partitions(self, topic, count):
        run(self.admin.create_partitions({topic: NewPartitions(count)}))

    def delete_topic(self, topic):
        run(self.admin.delete_topics([topic]))

    def produce(self, topic, values):
        async def send():
            sent = [await self.producer.send(topic, v.encode(), key=v.encode()) for v in values]
            await asyncio.gather(*sent)
            return list(values)

        return run(send())

    def group_consumer(self, topic, group):
        return Member(self.bootstrap, topic, group)

    def scan(self, topic):
        count = self.partition_count(topic)

        async def scan_all():
            consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
            await consumer.start()
            partitions = [TopicPartition(topic, p) for p in range(count)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            offsets, values, empty = collections.defaultdict(list), [], 0
            while any(len(offsets[p.partition]) < end for p, end in ends.items()) and empty < 30:
                found = await consumer.getmany(timeout_ms=500)
                empty = 0 if found else empty + 1
                for records in found.values():
                    for record in records:
                        offsets[record.partition].append(record.offset)
                        values.append(record.value.decode())
            await consumer.stop()
            return offsets, values

        return run(scan_all())

    def close(self):
        run(self.producer.stop())
        run(self.admin.close())

    def committed(self, topic, group):
        count = self.partition_count(topic)

        async def find():
            consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False)
            await consumer.start()
            found = {p: await consumer.committed(TopicPartition(topic, p)) or 0 for p in range(count)}
            await consumer.stop()
            return found

        return run(find())


scenario.main(Client)
