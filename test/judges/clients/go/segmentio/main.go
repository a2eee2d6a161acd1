// segmentio's kafka-go through the scenario: its Writer, its Reader and its Client for the rest. Its Writer is not
// idempotent, and it cannot delete records.
package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"throughline.test/judges/scenario"
)

var (
	background = context.Background()
	codecs     = map[string]kafka.Compression{
		"none":   0,
		"gzip":   kafka.Gzip,
		"snappy": kafka.Snappy,
		"lz4":    kafka.Lz4,
		"zstd":   kafka.Zstd,
	}
)

type client struct {
	*kafka.Client
	writer    *kafka.Writer
	bootstrap string
}

func main() {
	scenario.Main(func(bootstrap, _ string) (scenario.Client, error) {
		opened := &kafka.Client{Addr: kafka.TCP(bootstrap), Timeout: 10 * time.Second}
		return &client{opened, writer(bootstrap, 0, scenario.AllAcks), bootstrap}, nil
	})
}

func writer(bootstrap string, codec kafka.Compression, acks int) *kafka.Writer {
	return &kafka.Writer{
		Addr:         kafka.TCP(bootstrap),
		Balancer:     &kafka.Hash{},
		RequiredAcks: kafka.RequiredAcks(acks),
		BatchTimeout: time.Millisecond,
		MaxAttempts:  60,
		Compression:  codec,
	}
}

func (c *client) IsIdempotent() bool { return false }

func (c *client) Codecs() []string { return slices.Collect(maps.Keys(codecs)) }

func (c *client) CreateTopic(topic string, partitions int, config map[string]string) error {
	wanted := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}
	for name, value := range config {
		wanted.ConfigEntries = append(wanted.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	done, err := c.CreateTopics(background, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{wanted}})
	if err != nil {
		return err
	}
	return done.Errors[topic]
}

func (c *client) Topics() ([]string, error) {
	found, err := c.Metadata(background, &kafka.MetadataRequest{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, topic := range found.Topics {
		names = append(names, topic.Name)
	}
	return names, nil
}

func (c *client) PartitionCount(topic string) (int, error) {
	found, err := c.Metadata(background, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, err
	}
	return len(found.Topics[0].Partitions), found.Topics[0].Error
}

func (c *client) TopicConfig(topic string) (map[string]string, error) {
	resource := kafka.DescribeConfigRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic}
	found, err := c.DescribeConfigs(background, &kafka.DescribeConfigsRequest{
		Resources: []kafka.DescribeConfigRequestResource{resource},
	})
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, entry := range found.Resources[0].ConfigEntries {
		values[entry.ConfigName] = entry.ConfigValue
	}
	return values, found.Resources[0].Error
}

func (c *client) SetTopicConfig(topic, name, value string) error {
	done, err := c.IncrementalAlterConfigs(background, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic,
			ResourceName: topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{
				{Name: name, Value: value, ConfigOperation: kafka.ConfigOperationSet},
			},
		}},
	})
	if err != nil {
		return err
	}
	return done.Resources[0].Error
}

func (c *client) GrowTopic(topic string, total int) error {
	done, err := c.CreatePartitions(background, &kafka.CreatePartitionsRequest{
		Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: int32(total)}},
	})
	if err != nil {
		return err
	}
	return done.Errors[topic]
}

func (c *client) DeleteTopic(topic string) error {
	done, err := c.DeleteTopics(background, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil {
		return err
	}
	return done.Errors[topic]
}

func (c *client) Produce(topic string, values []string) error {
	messages := make([]kafka.Message, len(values))
	for index, value := range values {
		messages[index] = kafka.Message{Topic: topic, Key: []byte(value), Value: []byte(value)}
	}
	return c.writer.WriteMessages(background, messages...)
}

func (c *client) ProduceWith(way scenario.Way, topic string, given []scenario.Record) error {
	compressing := writer(c.bootstrap, codecs[way.Codec], way.Acks)
	defer compressing.Close()
	messages := make([]kafka.Message, len(given))
	for index, one := range given {
		headers := []kafka.Header{{Key: "way", Value: []byte(one.Header)}}
		messages[index] = kafka.Message{Topic: topic, Key: []byte(one.Key), Value: one.Value, Headers: headers}
	}
	return compressing.WriteMessages(background, messages...)
}

func (c *client) Scan(topic string) ([]scenario.Record, error) {
	ranges, err := c.Ranges(topic)
	if err != nil {
		return nil, err
	}
	var found []scenario.Record
	for partition, bounds := range ranges {
		reader := kafka.NewReader(kafka.ReaderConfig{
			Brokers:   []string{c.bootstrap},
			Topic:     topic,
			Partition: partition,
			MaxWait:   100 * time.Millisecond,
		})
		for next := bounds.Start; next < bounds.End; {
			message, err := reader.ReadMessage(background)
			if err != nil {
				return nil, err
			}
			one := scenario.Record{Partition: partition, Offset: message.Offset, Key: string(message.Key), Value: message.Value}
			for _, header := range message.Headers {
				one.Header = string(header.Value)
			}
			found = append(found, one)
			next = message.Offset + 1
		}
		if err := reader.Close(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (c *client) Ranges(topic string) (map[int]scenario.Range, error) {
	count, err := c.PartitionCount(topic)
	if err != nil {
		return nil, err
	}
	var asked []kafka.OffsetRequest
	for partition := range count {
		asked = append(asked, kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition))
	}
	found, err := c.ListOffsets(background, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: asked}})
	if err != nil {
		return nil, err
	}
	ranges := map[int]scenario.Range{}
	for _, one := range found.Topics[topic] {
		if one.Error != nil {
			return nil, one.Error
		}
		ranges[one.Partition] = scenario.Range{Start: one.FirstOffset, End: one.LastOffset}
	}
	return ranges, nil
}

func (c *client) OffsetAt(topic string, when time.Time) (int64, error) {
	leader, err := kafka.DialLeader(background, "tcp", c.bootstrap, topic, 0)
	if err != nil {
		return 0, err
	}
	defer leader.Close()
	return leader.ReadOffset(when)
}

func (c *client) DeleteRecords(string, int, int64) error { return errors.ErrUnsupported }

func (c *client) Committed(topic, group string) (map[int]int64, error) {
	return c.ConsumerOffsets(background, kafka.TopicAndGroup{Topic: topic, GroupId: group})
}

func (c *client) Commit(topic, group string, offsets map[int]int64) error {
	var given []kafka.OffsetCommit
	for partition, offset := range offsets {
		given = append(given, kafka.OffsetCommit{Partition: partition, Offset: offset})
	}
	done, err := c.OffsetCommit(background, &kafka.OffsetCommitRequest{
		GroupID:      group,
		GenerationID: -1,
		Topics:       map[string][]kafka.OffsetCommit{topic: given},
	})
	if err != nil {
		return err
	}
	for _, one := range done.Topics[topic] {
		if one.Error != nil {
			return one.Error
		}
	}
	return nil
}

func (c *client) Groups() (map[string]string, error) {
	listed, err := c.ListGroups(background, &kafka.ListGroupsRequest{})
	if err != nil || len(listed.Groups) == 0 {
		return nil, err
	}
	var names []string
	for _, group := range listed.Groups {
		names = append(names, group.GroupID)
	}
	described, err := c.DescribeGroups(background, &kafka.DescribeGroupsRequest{GroupIDs: names})
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	for _, group := range described.Groups {
		states[group.GroupID] = group.GroupState
	}
	return states, nil
}

func (c *client) DeleteGroup(group string) error {
	done, err := c.DeleteGroups(background, &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
	if err != nil {
		return err
	}
	return done.Errors[group]
}

func (c *client) Close() { _ = c.writer.Close() }

type member struct {
	reader *kafka.Reader
	taken  []kafka.Message
}

func (c *client) Join(topic, group string) (scenario.Member, error) {
	return &member{reader: kafka.NewReader(kafka.ReaderConfig{
		Brokers:           []string{c.bootstrap},
		Topic:             topic,
		GroupID:           group,
		StartOffset:       kafka.FirstOffset,
		MaxWait:           100 * time.Millisecond,
		SessionTimeout:    6 * time.Second,
		HeartbeatInterval: time.Second,
		JoinGroupBackoff:  time.Second,
	})}, nil
}

func (m *member) Poll() ([]string, error) {
	within, cancel := context.WithTimeout(background, 200*time.Millisecond)
	defer cancel()
	var values []string
	for len(values) < 100 {
		message, err := m.reader.FetchMessage(within)
		if err != nil {
			// The time is over, or the broker is away: the library goes on by itself.
			break
		}
		m.taken = append(m.taken, message)
		values = append(values, string(message.Value))
	}
	return values, nil
}

func (m *member) Commit() {
	within, cancel := context.WithTimeout(background, 10*time.Second)
	defer cancel()
	if len(m.taken) > 0 {
		_ = m.reader.CommitMessages(within, m.taken...)
	}
	m.taken = nil
}

func (m *member) Close() { _ = m.reader.Close() }
