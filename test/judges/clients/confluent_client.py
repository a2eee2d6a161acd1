"""confluent-kafka (librdkafka) through the scenario."""

import collections
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

import scenario


class Member:
    def __init__(self, bootstrap, topic, group):
        self.consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "session.timeout.ms": 6000,
                "partition.assignment.strategy": "cooperative-sticky",
            }
        )
        self.consumer.subscribe([topic])

    def poll(self):
        messages = self.consumer.consume(100, timeout=0.2)
        return [m.value().decode() for m in messages if m.error() is None]

    def commit(self):
        try:
            self.consumer.commit(asynchronous=False)
        except KafkaException as error:
            # A commit that a rebalance or a restart overtook is made again with the next records.
            if error.args[0].code() not in RETRIED:
                raise

    def close(self):
        try:
            self.commit()
        finally:
            self.consumer.close()


RETRIED = {
    KafkaError._NO_OFFSET,
    KafkaError._WAIT_COORD,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
}


class Client:
    is_idempotent = True

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self.producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 1})

    def create_topic(self, topic, partitions):
        self.admin.create_topics([NewTopic(topic, partitions, 1, config=scenario.CONFIG)])[topic].result(10)

    def topics(self):
        return list(self.admin.list_topics(timeout=10).topics)

    def partition_count(self, topic):
        return len(self.admin.list_topics(topic, timeout=10).topics[topic].partitions)

    def topic_config(self, topic):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        return {name: entry.value for name, entry in self.admin.describe_configs([resource])[resource].result(10).items()}

    def add_partitions(self, topic, count):
        self.admin.create_partitions([NewPartitions(topic, count)])[topic].result(10)

    def delete_topic(self, topic):
        self.admin.delete_topics([topic])[topic].result(10)

    def produce(self, topic, values):
        done = []

        def delivered(error, message):
            if error is not None:
                raise KafkaException(error)
            done.append(message.value().decode())

        for value in values:
            self.producer.produce(topic, value.encode(), key=value.encode(), on_delivery=delivered)
        self.producer.flush(60)
        return done

    def group_consumer(self, topic, group):
        return Member(self.bootstrap, topic, group)

    def scan(self, topic):
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "none", "enable.auto.commit": False})
        offsets, values, ends = collections.defaultdict(list), [], {}
        for partition in range(self.partition_count(topic)):
            ends[partition] = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
        consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
        deadline = time.monotonic() + 30
        while any(len(offsets[p]) < end for p, end in ends.items()) and time.monotonic() < deadline:
            for message in consumer.consume(500, timeout=0.5):
                assert message.error() is None, message.error()
                offsets[message.partition()].append(message.offset())
                values.append(message.value().decode())
        consumer.close()
        return offsets, values

    def committed(self, topic, group):
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        found = consumer.committed([TopicPartition(topic, p) for p in range(self.partition_count(topic))], timeout=10)
        consumer.close()
        return {one.partition: max(one.offset, 0) for one in found}


scenario.main(Client)
