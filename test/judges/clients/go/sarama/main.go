// Sarama through the scenario. The variant is the version of Kafka that Sarama is told it talks to, which decides the
// versions of all its requests: it asks nobody ("" is its own default).
package main

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"throughline.test/judges/scenario"
)

var codecs = map[string]sarama.CompressionCodec{
	"none":   sarama.CompressionNone,
	"gzip":   sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy,
	"lz4":    sarama.CompressionLZ4,
	"zstd":   sarama.CompressionZSTD,
}

type client struct {
	sarama.Client
	sarama.ClusterAdmin
	producer  sarama.SyncProducer
	bootstrap []string
	version   sarama.KafkaVersion
}

func main() { scenario.Main(open) }

func open(bootstrap, variant string) (scenario.Client, error) {
	c := &client{bootstrap: []string{bootstrap}, version: sarama.DefaultVersion}
	var err error
	if variant != "" {
		if c.version, err = sarama.ParseKafkaVersion(variant); err != nil {
			return nil, err
		}
	}
	if c.Client, err = sarama.NewClient(c.bootstrap, c.config()); err != nil {
		return nil, err
	}
	if c.ClusterAdmin, err = sarama.NewClusterAdmin(c.bootstrap, c.config()); err != nil {
		return nil, err
	}
	c.producer, err = sarama.NewSyncProducer(c.bootstrap, c.config())
	return c, err
}

// A broker that is started again is away for longer than the retries that Sarama makes by default.
func (c *client) config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = c.version
	config.Net.MaxOpenRequests = 1
	config.Metadata.Retry.Max = 60
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Retry.Max = 100
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = time.Second
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
	return config
}

func (c *client) IsIdempotent() bool { return true }

func (c *client) Codecs() []string {
	if c.version.IsAtLeast(sarama.V2_1_0_0) {
		return slices.Collect(maps.Keys(codecs))
	}
	return []string{"none", "gzip", "snappy", "lz4"}
}

func (c *client) CreateTopic(topic string, partitions int, config map[string]string) error {
	values := map[string]*string{}
	for name, value := range config {
		values[name] = &value
	}
	detail := &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 1, ConfigEntries: values}
	return c.ClusterAdmin.CreateTopic(topic, detail, false)
}

func (c *client) Topics() ([]string, error) {
	topics, err := c.ClusterAdmin.ListTopics()
	return slices.Collect(maps.Keys(topics)), err
}

func (c *client) PartitionCount(topic string) (int, error) {
	found, err := c.ClusterAdmin.DescribeTopics([]string{topic})
	if err != nil {
		return 0, err
	}
	return len(found[0].Partitions), nil
}

func (c *client) TopicConfig(topic string) (map[string]string, error) {
	found := map[string]string{}
	entries, err := c.ClusterAdmin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic})
	for _, entry := range entries {
		found[entry.Name] = entry.Value
	}
	return found, err
}

func (c *client) SetTopicConfig(topic, name, value string) error {
	if c.version.IsAtLeast(sarama.V2_3_0_0) {
		entry := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}
		return c.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{name: entry}, false)
	}
	return c.AlterConfig(sarama.TopicResource, topic, map[string]*string{name: &value}, false)
}

func (c *client) GrowTopic(topic string, total int) error {
	return c.CreatePartitions(topic, int32(total), nil, false)
}

func (c *client) DeleteTopic(topic string) error { return c.ClusterAdmin.DeleteTopic(topic) }

func (c *client) Produce(topic string, values []string) error {
	messages := make([]*sarama.ProducerMessage, len(values))
	for index, value := range values {
		encoded := sarama.StringEncoder(value)
		messages[index] = &sarama.ProducerMessage{Topic: topic, Key: encoded, Value: encoded}
	}
	return c.producer.SendMessages(messages)
}

func (c *client) ProduceWith(way scenario.Way, topic string, given []scenario.Record) error {
	config := c.config()
	config.Producer.Compression = codecs[way.Codec]
	config.Producer.RequiredAcks = sarama.RequiredAcks(way.Acks)
	config.Producer.Idempotent = way.Acks == scenario.AllAcks
	producer, err := sarama.NewSyncProducer(c.bootstrap, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	messages := make([]*sarama.ProducerMessage, len(given))
	for index, one := range given {
		headers := []sarama.RecordHeader{{Key: []byte("way"), Value: []byte(one.Header)}}
		messages[index] = &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(one.Key), Headers: headers}
		if one.Value != nil {
			messages[index].Value = sarama.ByteEncoder(one.Value)
		}
	}
	return producer.SendMessages(messages)
}

func (c *client) Scan(topic string) ([]scenario.Record, error) {
	ranges, err := c.Ranges(topic)
	if err != nil {
		return nil, err
	}
	consumer, err := sarama.NewConsumer(c.bootstrap, c.config())
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	var found []scenario.Record
	for partition, bounds := range ranges {
		if bounds.Start == bounds.End {
			continue
		}
		reading, err := consumer.ConsumePartition(topic, int32(partition), sarama.OffsetOldest)
		if err != nil {
			return nil, err
		}
		for message := range reading.Messages() {
			one := scenario.Record{Partition: partition, Offset: message.Offset, Key: string(message.Key), Value: message.Value}
			for _, header := range message.Headers {
				one.Header = string(header.Value)
			}
			found = append(found, one)
			if message.Offset == bounds.End-1 {
				break
			}
		}
		if err := reading.Close(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (c *client) Ranges(topic string) (map[int]scenario.Range, error) {
	ranges := map[int]scenario.Range{}
	count, err := c.PartitionCount(topic)
	if err != nil {
		return nil, err
	}
	if err := c.RefreshMetadata(topic); err != nil {
		return nil, err
	}
	for partition := range count {
		start, err := c.GetOffset(topic, int32(partition), sarama.OffsetOldest)
		if err != nil {
			return nil, err
		}
		end, err := c.GetOffset(topic, int32(partition), sarama.OffsetNewest)
		if err != nil {
			return nil, err
		}
		ranges[partition] = scenario.Range{Start: start, End: end}
	}
	return ranges, nil
}

func (c *client) OffsetAt(topic string, when time.Time) (int64, error) {
	return c.GetOffset(topic, 0, when.UnixMilli())
}

func (c *client) DeleteRecords(topic string, partition int, before int64) error {
	return c.ClusterAdmin.DeleteRecords(topic, map[int32]int64{int32(partition): before})
}

func (c *client) Committed(topic, group string) (map[int]int64, error) {
	count, err := c.PartitionCount(topic)
	if err != nil {
		return nil, err
	}
	asked := make([]int32, count)
	for partition := range asked {
		asked[partition] = int32(partition)
	}
	response, err := c.ListConsumerGroupOffsets(group, map[string][]int32{topic: asked})
	if err != nil {
		return nil, err
	}
	found := map[int]int64{}
	for partition, block := range response.Blocks[topic] {
		if block.Err != sarama.ErrNoError {
			return nil, block.Err
		}
		found[int(partition)] = block.Offset
	}
	return found, nil
}

func (c *client) Commit(topic, group string, offsets map[int]int64) error {
	given := map[int32]sarama.OffsetAndMetadata{}
	for partition, offset := range offsets {
		given[int32(partition)] = sarama.OffsetAndMetadata{Offset: offset, LeaderEpoch: -1}
	}
	_, err := c.AlterConsumerGroupOffsets(group, map[string]map[int32]sarama.OffsetAndMetadata{topic: given}, nil)
	return err
}

func (c *client) Groups() (map[string]string, error) {
	names, err := c.ListConsumerGroups()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	described, err := c.DescribeConsumerGroups(slices.Collect(maps.Keys(names)))
	states := map[string]string{}
	for _, group := range described {
		states[group.GroupId] = group.State
	}
	return states, err
}

func (c *client) DeleteGroup(group string) error { return c.DeleteConsumerGroup(group) }

func (c *client) Close() {
	_ = c.producer.Close()
	_ = c.ClusterAdmin.Close()
	_ = c.Client.Close()
}

// member turns Sarama's callbacks into calls: each message comes with the session that it must be committed in.
type member struct {
	group    sarama.ConsumerGroup
	found    chan delivery
	taken    []delivery
	cancel   context.CancelFunc
	finished sync.WaitGroup
}

type delivery struct {
	message *sarama.ConsumerMessage
	session sarama.ConsumerGroupSession
}

func (c *client) Join(topic, group string) (scenario.Member, error) {
	opened, err := sarama.NewConsumerGroup(c.bootstrap, group, c.config())
	if err != nil {
		return nil, err
	}
	living, cancel := context.WithCancel(context.Background())
	m := &member{group: opened, found: make(chan delivery), cancel: cancel}
	m.finished.Go(func() {
		// Each call is one generation of the group; it ends with the next rebalance, or when the broker is away.
		for living.Err() == nil {
			if err := opened.Consume(living, []string{topic}, m); err != nil {
				time.Sleep(100 * time.Millisecond)
			}
		}
	})
	return m, nil
}

func (m *member) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		select {
		case m.found <- delivery{message, session}:
		case <-session.Context().Done():
			return nil
		}
	}
	return nil
}

func (m *member) Poll() ([]string, error) {
	late := time.After(200 * time.Millisecond)
	var values []string
	for len(values) < 100 {
		select {
		case one := <-m.found:
			values = append(values, string(one.message.Value))
			m.taken = append(m.taken, one)
		case <-late:
			return values, nil
		}
	}
	return values, nil
}

func (m *member) Commit() {
	for index, one := range m.taken {
		one.session.MarkMessage(one.message, "")
		if index == len(m.taken)-1 || m.taken[index+1].session != one.session {
			one.session.Commit()
		}
	}
	m.taken = nil
}

func (m *member) Close() {
	m.cancel()
	m.finished.Wait()
	_ = m.group.Close()
}
