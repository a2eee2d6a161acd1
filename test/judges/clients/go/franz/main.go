// franz-go and its kadm through the scenario. The variant names how a group divides its partitions: "cooperative" (the
// library's own choice, cooperative-sticky), "range", or "static" (members with an instance id).
package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"throughline.test/judges/scenario"
)

var (
	background = context.Background()
	codecs     = map[string]kgo.CompressionCodec{
		"none":   kgo.NoCompression(),
		"gzip":   kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(),
		"lz4":    kgo.Lz4Compression(),
		"zstd":   kgo.ZstdCompression(),
	}
)

type client struct {
	*kgo.Client
	admin              *kadm.Client
	bootstrap, variant string
	memberCount        atomic.Int32
}

func main() {
	scenario.Main(func(bootstrap, variant string) (scenario.Client, error) {
		opened, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
		return &client{Client: opened, admin: kadm.NewClient(opened), bootstrap: bootstrap, variant: variant}, err
	})
}

func (c *client) IsIdempotent() bool { return true }

func (c *client) Codecs() []string { return []string{"none", "gzip", "snappy", "lz4", "zstd"} }

func (c *client) CreateTopic(topic string, partitions int, config map[string]string) error {
	values := map[string]*string{}
	for name, value := range config {
		values[name] = &value
	}
	_, err := c.admin.CreateTopic(background, int32(partitions), 1, values, topic)
	return err
}

func (c *client) Topics() ([]string, error) {
	details, err := c.admin.ListTopics(background)
	return details.Names(), err
}

func (c *client) PartitionCount(topic string) (int, error) {
	details, err := c.admin.ListTopics(background, topic)
	return len(details[topic].Partitions), err
}

func (c *client) TopicConfig(topic string) (map[string]string, error) {
	found := map[string]string{}
	resources, err := c.admin.DescribeTopicConfigs(background, topic)
	for _, resource := range resources {
		if resource.Err != nil {
			return nil, resource.Err
		}
		for _, entry := range resource.Configs {
			found[entry.Key] = entry.MaybeValue()
		}
	}
	return found, err
}

func (c *client) SetTopicConfig(topic, name, value string) error {
	done, err := c.admin.AlterTopicConfigs(background, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}}, topic)
	for _, one := range done {
		if one.Err != nil {
			return one.Err
		}
	}
	return err
}

func (c *client) GrowTopic(topic string, total int) error {
	done, err := c.admin.UpdatePartitions(background, total, topic)
	if err != nil {
		return err
	}
	return done.Error()
}

func (c *client) DeleteTopic(topic string) error {
	_, err := c.admin.DeleteTopic(background, topic)
	return err
}

func (c *client) Produce(topic string, values []string) error {
	records := make([]*kgo.Record, len(values))
	for index, value := range values {
		records[index] = &kgo.Record{Topic: topic, Key: []byte(value), Value: []byte(value)}
	}
	return c.ProduceSync(background, records...).FirstErr()
}

func (c *client) ProduceWith(way scenario.Way, topic string, given []scenario.Record) error {
	options := []kgo.Opt{kgo.SeedBrokers(c.bootstrap), kgo.ProducerBatchCompression(codecs[way.Codec])}
	switch way.Acks {
	case 0:
		options = append(options, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	case 1:
		options = append(options, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	}
	producer, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer producer.Close()
	records := make([]*kgo.Record, len(given))
	for index, one := range given {
		headers := []kgo.RecordHeader{{Key: "way", Value: []byte(one.Header)}}
		records[index] = &kgo.Record{Topic: topic, Key: []byte(one.Key), Value: one.Value, Headers: headers}
	}
	return producer.ProduceSync(background, records...).FirstErr()
}

func (c *client) Scan(topic string) ([]scenario.Record, error) {
	ranges, err := c.Ranges(topic)
	if err != nil {
		return nil, err
	}
	left := int64(0)
	for _, one := range ranges {
		left += one.End - one.Start
	}
	consumer, err := kgo.NewClient(
		kgo.SeedBrokers(c.bootstrap),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	var found []scenario.Record
	for int64(len(found)) < left {
		fetches := consumer.PollFetches(background)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		for record := range fetches.RecordsAll() {
			one := scenario.Record{
				Partition: int(record.Partition),
				Offset:    record.Offset,
				Key:       string(record.Key),
				Value:     record.Value,
			}
			for _, header := range record.Headers {
				one.Header = string(header.Value)
			}
			found = append(found, one)
		}
	}
	return found, nil
}

func (c *client) Ranges(topic string) (map[int]scenario.Range, error) {
	starts, err := c.admin.ListStartOffsets(background, topic)
	if err != nil {
		return nil, err
	}
	ends, err := c.admin.ListEndOffsets(background, topic)
	if err != nil {
		return nil, err
	}
	ranges := map[int]scenario.Range{}
	for partition, end := range ends[topic] {
		ranges[int(partition)] = scenario.Range{Start: starts[topic][partition].Offset, End: end.Offset}
	}
	return ranges, nil
}

// kadm answers a time later than all records with the end of the partition; the time that it found then is -1.
func (c *client) OffsetAt(topic string, when time.Time) (int64, error) {
	listed, err := c.admin.ListOffsetsAfterMilli(background, when.UnixMilli(), topic)
	if found := listed[topic][0]; found.Timestamp >= 0 {
		return found.Offset, err
	}
	return -1, err
}

func (c *client) DeleteRecords(topic string, partition int, before int64) error {
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, int32(partition), before, -1)
	done, err := c.admin.DeleteRecords(background, offsets)
	if err != nil {
		return err
	}
	return done.Error()
}

func (c *client) Committed(topic, group string) (map[int]int64, error) {
	offsets, err := c.admin.FetchOffsets(background, group)
	found := map[int]int64{}
	for partition, offset := range offsets[topic] {
		found[int(partition)] = offset.At
	}
	return found, err
}

func (c *client) Commit(topic, group string, offsets map[int]int64) error {
	given := kadm.Offsets{}
	for partition, offset := range offsets {
		given.AddOffset(topic, int32(partition), offset, -1)
	}
	return c.admin.CommitAllOffsets(background, group, given)
}

func (c *client) Groups() (map[string]string, error) {
	described, err := c.admin.DescribeGroups(background)
	states := map[string]string{}
	for name, group := range described {
		states[name] = group.State
	}
	return states, err
}

func (c *client) DeleteGroup(group string) error {
	_, err := c.admin.DeleteGroup(background, group)
	return err
}

type member struct{ consumer *kgo.Client }

func (c *client) Join(topic, group string) (scenario.Member, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(c.bootstrap),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(6 * time.Second),
		kgo.HeartbeatInterval(time.Second),
	}
	switch c.variant {
	case "range":
		options = append(options, kgo.Balancers(kgo.RangeBalancer()))
	case "static":
		options = append(options, kgo.InstanceID(fmt.Sprint("instance-", c.memberCount.Add(1))))
	}
	consumer, err := kgo.NewClient(options...)
	return &member{consumer}, err
}

func (m *member) Poll() ([]string, error) {
	m.consumer.AllowRebalance()
	within, cancel := context.WithTimeout(background, 200*time.Millisecond)
	defer cancel()
	fetches := m.consumer.PollRecords(within, 100)
	for _, one := range fetches.Errors() {
		// A session that ended is begun again by the library, which only tells of it.
		if ended := (*kgo.ErrGroupSession)(nil); within.Err() == nil && !errors.As(one.Err, &ended) {
			return nil, one.Err
		}
	}
	var values []string
	for record := range fetches.RecordsAll() {
		values = append(values, string(record.Value))
	}
	return values, nil
}

func (m *member) Commit() {
	within, cancel := context.WithTimeout(background, 10*time.Second)
	defer cancel()
	_ = m.consumer.CommitUncommittedOffsets(within)
}

func (m *member) Close() { m.consumer.CloseAllowingRebalance() }
