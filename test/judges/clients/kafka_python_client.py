"""kafka-python through the scenario."""

import collections

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import KafkaError

import scenario


class Member:
    def __init__(self, bootstrap, topic, group):
        self.consumer = KafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6000,
            heartbeat_interval_ms=1000,
        )

    def poll(self):
        try:
            found = self.consumer.poll(timeout_ms=200, max_records=100)
        except KafkaError as error:
            # It says so itself of a broker that is away for a moment; the next poll tries again.
            if not error.retriable:
                raise
            return []
        return [record.value.decode() for records in found.values() for record in records]

    def commit(self):
        try:
            self.consumer.commit()
        except KafkaError:
            # A commit that a rebalance or a restart overtook is made again with the next records; what is never
            # committed shows in the committed offsets at the end.
            pass

    def close(self):
        self.commit()
        self.consumer.close()


class Client:
    is_idempotent = True

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=1)

    def create_topic(self, topic, partitions):
        self.admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=scenario.CONFIG)])

    def topics(self):
        return self.admin.list_topics()

    def partition_count(self, topic):
        return len(self.admin.describe_topics([topic])[0]["partitions"])

    def topic_config(self, topic):
        described = self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        return {name: entry["value"] for name, entry in described["topic"][topic].items()}

    def add_partitions(self, topic, count):
        self.admin.create_partitions({topic: NewPartitions(count)})

    def delete_topic(self, topic):
        self.admin.delete_topics([topic])

    def produce(self, topic, values):
        futures = [(v, self.producer.send(topic, v.encode(), key=v.encode())) for v in values]
        self.producer.flush(60)
        for _, future in futures:
            future.get(30)
        return [value for value, _ in futures]

    def group_consumer(self, topic, group):
        return Member(self.bootstrap, topic, group)

    def scan(self, topic):
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        partitions = [TopicPartition(topic, p) for p in range(self.partition_count(topic))]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        offsets, values, empty = collections.defaultdict(list), [], 0
        while any(len(offsets[p.partition]) < end for p, end in ends.items()) and empty < 30:
            found = consumer.poll(timeout_ms=500)
            empty = 0 if found else empty + 1
            for records in found.values():
                for record in records:
                    offsets[record.partition].append(record.offset)
                    values.append(record.value.decode())
        consumer.close()
        return offsets, values

    def committed(self, topic, group):
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group)
        found = {p: consumer.committed(TopicPartition(topic, p)) or 0 for p in range(self.partition_count(topic))}
        consumer.close()
        return found


scenario.main(Client)
