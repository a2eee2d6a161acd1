// Package scenario is what every Go client is put through, whichever library it is written with; ../../scenario.py is
// the same for Python.
//
//		<client> BOOTSTRAP TOPIC COUNT [VARIANT]
//
//	 1. Admin: makes a topic of 6 partitions, finds it in the list, reads its configuration; grows another topic, changes its
//	    configuration, writes to it with every codec and every kind of acknowledgement (a key, a header, a null value), reads
//	    that back, looks for offsets, deletes records, deletes it.
//	 2. Produces COUNT records from two producers (all acks, idempotent where the library can) while a group of two members
//	    consumes with commits; at a third of the way a third member joins, at half of it one leaves.
//	 3. Prints "halfway" on the way: whoever started the program may kill the broker and start it again then.
//	 4. Every acknowledged record must be seen by the group, and stand on the log exactly once (a second time only where the
//	    library has no idempotent producer); offsets are contiguous; the committed offsets reach the end.
//	 5. The group is listed, its offsets are set back, and it is deleted.
//
// The last line is a JSON object with what was counted; a failure is a panic and its exit status.
package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	patience   = 60 * time.Second
	partitions = 6
	perWay     = 20
)

var config = map[string]string{"retention.ms": "86400000"}

// Record is what a client has read, and what it writes where more than a value is asked for.
type Record struct {
	Partition int
	Offset    int64
	Key       string
	Value     []byte // nil for a null
	Header    string // the value of the header "way"
}

// Way is how records are written: Acks is 0, 1 or AllAcks.
type Way struct {
	Codec string
	Acks  int
}

const AllAcks = -1

// Range is the first offset of a partition and the one after its last.
type Range struct{ Start, End int64 }

// Client is one library. A method that the library has no means for returns errors.ErrUnsupported.
type Client interface {
	IsIdempotent() bool
	Codecs() []string

	CreateTopic(topic string, partitions int, config map[string]string) error
	Topics() ([]string, error)
	PartitionCount(topic string) (int, error)
	TopicConfig(topic string) (map[string]string, error)
	SetTopicConfig(topic, name, value string) error
	GrowTopic(topic string, total int) error
	DeleteTopic(topic string) error

	// Produce returns when all of them are acknowledged.
	Produce(topic string, values []string) error
	ProduceWith(way Way, topic string, records []Record) error
	// Scan reads each partition of the topic from its start to its end.
	Scan(topic string) ([]Record, error)
	Ranges(topic string) (map[int]Range, error)
	// OffsetAt finds the first offset of partition 0 from a time on; -1 is none.
	OffsetAt(topic string, when time.Time) (int64, error)
	DeleteRecords(topic string, partition int, before int64) error

	Join(topic, group string) (Member, error)
	Committed(topic, group string) (map[int]int64, error)
	Commit(topic, group string, offsets map[int]int64) error
	// Groups tells the state of each group.
	Groups() (map[string]string, error)
	DeleteGroup(group string) error
	Close()
}

// Member consumes for a group. Poll waits a little while for records; Commit stands for all that Poll has returned.
// A commit that a rebalance or a restart overtook may fail: what is never committed shows in the committed offsets.
type Member interface {
	Poll() ([]string, error)
	Commit()
	Close()
}

type run struct {
	client           Client
	topic, group     string
	count            int
	deadline         time.Time
	mutex            sync.Mutex
	acknowledged     []string
	seen             map[string]int
	seenTotal        int
	members, writers sync.WaitGroup
}

// Main reads the arguments and runs the scenario; variant is what the caller asked for, or empty.
func Main(open func(bootstrap, variant string) (Client, error)) {
	count := must(strconv.Atoi(os.Args[3]))
	variant := ""
	if len(os.Args) > 4 {
		variant = os.Args[4]
	}
	client := must(open(os.Args[1], variant))
	time.AfterFunc(3*patience, func() { panic("the scenario does not come to its end") })
	topic := os.Args[2]
	r := &run{client: client, topic: topic, group: topic + "-group", count: count, seen: map[string]int{}}
	r.deadline = time.Now().Add(2 * patience)
	r.administrate()
	r.live()
	r.judge()
	r.judgeGroup()
	client.Close()
	summary := map[string]int{"records": r.count, "seenAgain": r.seenTotal - r.count}
	fmt.Println(string(must(json.Marshal(summary))))
}

func (r *run) administrate() {
	other := r.topic + "-other"
	check(r.client.CreateTopic(r.topic, partitions, config))
	check(r.client.CreateTopic(other, 1, nil))
	listed := func(topic string) bool { return slices.Contains(must(r.client.Topics()), topic) }
	r.until("both topics in the list", func() bool { return listed(r.topic) && listed(other) })
	r.expectConfig(r.topic, config)
	check(r.client.SetTopicConfig(other, "max.message.bytes", "54321"))
	r.expectConfig(other, map[string]string{"max.message.bytes": "54321"})
	check(r.client.GrowTopic(other, 3))
	r.until("the added partitions", func() bool { return must(r.client.PartitionCount(other)) == 3 })
	began := time.Now()
	r.writeEveryWay(other)
	expect(must(r.client.OffsetAt(other, began.Add(-time.Hour))), 0, "the offset at an earlier time")
	expect(must(r.client.OffsetAt(other, began.Add(time.Hour))), -1, "the offset at a later time")
	r.deleteRecords(other)
	check(r.client.DeleteTopic(other))
	r.until("the deletion", func() bool { return !listed(other) })
}

func (r *run) expectConfig(topic string, wanted map[string]string) {
	r.until("the configuration of "+topic, func() bool {
		found := must(r.client.TopicConfig(topic))
		for name, value := range wanted {
			if found[name] != value {
				return false
			}
		}
		return true
	})
}

func (r *run) writeEveryWay(topic string) {
	ways := []Way{{"none", 0}, {"none", 1}}
	for _, codec := range r.client.Codecs() {
		ways = append(ways, Way{codec, AllAcks})
	}
	wanted := map[string]int{}
	for _, way := range ways {
		records := make([]Record, perWay)
		for index := range records {
			records[index] = Record{Key: fmt.Sprint("key ", index), Value: fmt.Appendf(nil, "%080d", index), Header: fmt.Sprint(way)}
			if index%7 == 0 {
				records[index].Value = nil
			}
			wanted[describe(records[index])]++
		}
		if err := r.client.ProduceWith(way, topic, records); err != nil {
			panic(fmt.Errorf("%v: %w", way, err))
		}
	}
	r.until("what nobody acknowledged", func() bool {
		total := 0
		for _, one := range must(r.client.Ranges(topic)) {
			total += int(one.End)
		}
		return total == len(ways)*perWay
	})
	found := map[string]int{}
	for _, record := range must(r.client.Scan(topic)) {
		found[describe(record)]++
	}
	if !maps.Equal(found, wanted) {
		panic(fmt.Errorf("the records of every way: %v instead of %v", found, wanted))
	}
}

func describe(record Record) string {
	return fmt.Sprintf("%s %q null=%t %s", record.Key, record.Value, record.Value == nil, record.Header)
}

func (r *run) deleteRecords(topic string) {
	before := must(r.client.Ranges(topic))
	partition := slices.MaxFunc(slices.Collect(maps.Keys(before)), func(a, b int) int { return int(before[a].End - before[b].End) })
	err := r.client.DeleteRecords(topic, partition, before[partition].End-1)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	check(err)
	expect(must(r.client.Ranges(topic))[partition].Start, before[partition].End-1, "the start after records were deleted")
}

func (r *run) live() {
	stops := []chan struct{}{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	r.members.Add(2)
	go r.consume(stops[0])
	go r.consume(stops[1])
	r.writers.Add(2)
	go r.produce("a")
	go r.produce("b")
	r.until("a third of the records", func() bool { return r.seenCount() > r.count/3 })
	r.members.Add(1)
	go r.consume(stops[2])
	r.until("half of the records", func() bool { return r.seenCount() > r.count/2 })
	close(stops[0])
	r.writers.Wait()
	r.until("all records", func() bool { return r.seenCount() >= r.count })
	close(stops[1])
	close(stops[2])
	r.members.Wait()
}

func (r *run) seenCount() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return len(r.seen)
}

func (r *run) produce(name string) {
	defer r.writers.Done()
	half := r.count / 2
	for start := 0; start < half; start += 50 {
		var values []string
		for index := start; index < min(start+50, half); index++ {
			values = append(values, fmt.Sprintf("%s-%d", name, index))
		}
		check(r.client.Produce(r.topic, values))
		r.mutex.Lock()
		r.acknowledged = append(r.acknowledged, values...)
		r.mutex.Unlock()
		if name == "a" && start <= half/2 && half/2 < start+50 {
			fmt.Println("halfway")
		}
	}
}

func (r *run) consume(stop <-chan struct{}) {
	defer r.members.Done()
	member := must(r.client.Join(r.topic, r.group))
	defer member.Close()
	for {
		values := must(member.Poll())
		r.mutex.Lock()
		for _, value := range values {
			r.seen[value]++
			r.seenTotal++
		}
		r.mutex.Unlock()
		if len(values) > 0 {
			member.Commit()
		}
		select {
		case <-stop:
			member.Commit()
			return
		default:
		}
	}
}

func (r *run) judge() {
	expect(len(r.acknowledged), r.count, "acknowledged records")
	times, next := map[string]int{}, map[int]int64{}
	for _, record := range must(r.client.Scan(r.topic)) {
		times[string(record.Value)]++
		expect(record.Offset, next[record.Partition], fmt.Sprint("the next offset of partition ", record.Partition))
		next[record.Partition]++
	}
	for _, value := range r.acknowledged {
		if r.seen[value] == 0 || times[value] == 0 || (r.client.IsIdempotent() && times[value] > 1) {
			panic(fmt.Errorf("%s: seen %d times by the group, %d times on the log", value, r.seen[value], times[value]))
		}
	}
	expect(len(times), r.count, "different records on the log")
	committed := must(r.client.Committed(r.topic, r.group))
	for partition, end := range next {
		expect(committed[partition], end, fmt.Sprint("the committed offset of partition ", partition))
	}
}

func (r *run) judgeGroup() {
	r.until("the group without members", func() bool { return must(r.client.Groups())[r.group] == "Empty" })
	check(r.client.Commit(r.topic, r.group, map[int]int64{0: 3}))
	expect(must(r.client.Committed(r.topic, r.group))[0], 3, "the offset that was set back")
	check(r.client.DeleteGroup(r.group))
	r.until("the group's end", func() bool { return must(r.client.Groups())[r.group] == "" })
}

func (r *run) until(what string, condition func() bool) {
	for !condition() {
		if time.Now().After(r.deadline) {
			panic("waited too long for " + what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func expect[T comparable](found, wanted T, what string) {
	if found != wanted {
		panic(fmt.Errorf("%s: %v instead of %v", what, found, wanted))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
