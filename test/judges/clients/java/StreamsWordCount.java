// A word count of Kafka Streams, at least once, that is put through what such an application lives through.
//
//     java -cp <Kafka's jars> StreamsWordCount.java BOOTSTRAP FOLDER ROUNDS
//
// words (3 partitions) -> by word, over a repartition topic -> counts in a store with a changelog topic -> counts.
// 1. One instance counts; a second joins, and each comes to have tasks and a standby of the other's store.
// 2. Prints `halfway` and waits for a line: whoever started it may have the broker killed and started again.
// 3. Both leave, their folders are lost, and a third instance restores the store from the changelog and goes on counting.
// The last line is a JSON object of what was seen. A failure is an exception and exit status 1.
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;

public class StreamsWordCount {
    private static final String APPLICATION = "word-count";
    private static final String REPARTITION = APPLICATION + "-by-word-repartition";
    private static final String CHANGELOG = APPLICATION + "-counted-changelog";
    private static final int PARTITIONS = 3;
    private static final List<String> WORDS = List.of("one", "two", "three", "four", "five", "six", "seven");

    private final long deadline = System.nanoTime() + Duration.ofSeconds(90).toNanos();
    private final String bootstrap;
    private final Path folder;
    private final AtomicLong restored = new AtomicLong();
    private final Map<String, Long> produced = new HashMap<>();

    private StreamsWordCount(String bootstrap, Path folder) {
        this.bootstrap = bootstrap;
        this.folder = folder;
    }

    public static void main(String[] args) throws Exception {
        System.out.println(new StreamsWordCount(args[0], Path.of(args[1])).run(Integer.parseInt(args[2])));
        System.exit(0);
    }

    private String run(int rounds) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic("words", PARTITIONS, (short) 1), new NewTopic("counts", 1, (short) 1)))
                .all().get();

            KafkaStreams first = start("first");
            produce(rounds);
            until("the first counts", () -> counts(first).equals(produced));
            KafkaStreams second = start("second");
            until("two instances that share the tasks", () -> activeTasks(first) > 0 && activeTasks(second) > 0
                && activeTasks(first) + activeTasks(second) == 2 * PARTITIONS && standbys(first) > 0 && standbys(second) > 0);
            produce(rounds);
            until("the counts of both", () -> sum(counts(first), counts(second)).equals(produced));
            until("the purge of the repartition topic", () -> earliest(admin, REPARTITION) > 0);

            System.out.println("halfway");
            System.in.read();
            produce(rounds);
            until("the counts after it", () -> covers(sum(counts(first), counts(second)), produced));
            Map<String, Long> before = sum(counts(first), counts(second));
            leave(first);
            leave(second);

            restored.set(0);
            KafkaStreams third = start("third");
            until("a restored store", () -> covers(counts(third), before));
            long restoredCount = restored.get();
            produce(rounds);
            until("the counts of the third", () -> covers(counts(third), produced));
            Map<String, Long> counted = counts(third);
            leave(third);
            until("the topic of counts", () -> published().equals(counted));
            Set<String> topics = admin.listTopics().names().get();
            return new ObjectMapper().writeValueAsString(Map.of("produced", new TreeMap<>(produced), "counted",
                new TreeMap<>(counted), "restored", restoredCount,
                "internalTopics", topics.stream().filter(name -> name.startsWith(APPLICATION)).sorted().toList()));
        }
    }

    private KafkaStreams start(String name) {
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, APPLICATION);
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        config.put(StreamsConfig.STATE_DIR_CONFIG, folder.resolve(name).toString());
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.AT_LEAST_ONCE);
        config.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, 1);
        config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        config.put(StreamsConfig.REPARTITION_PURGE_INTERVAL_MS_CONFIG, 200);
        config.put(StreamsConfig.PROBING_REBALANCE_INTERVAL_MS_CONFIG, 60_000);
        config.put(StreamsConfig.APPLICATION_SERVER_CONFIG, name + ":1");
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 10_000);

        StreamsBuilder builder = new StreamsBuilder();
        builder.stream("words", Consumed.with(Serdes.String(), Serdes.String()))
            .groupBy((key, word) -> word, Grouped.with("by-word", Serdes.String(), Serdes.String()))
            .count(Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counted")
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
            .toStream().to("counts", Produced.with(Serdes.String(), Serdes.Long()));
        KafkaStreams streams = new KafkaStreams(builder.build(), config);
        streams.setGlobalStateRestoreListener(new StateRestoreListener() {
            @Override
            public void onRestoreStart(TopicPartition partition, String store, long from, long to) {}

            @Override
            public void onBatchRestored(TopicPartition partition, String store, long end, long count) {
                restored.addAndGet(count);
            }

            @Override
            public void onRestoreEnd(TopicPartition partition, String store, long count) {}
        });
        streams.start();
        return streams;
    }

    /** Tells the group; as it is, the others would hear of it when the session has ended. */
    private static void leave(KafkaStreams streams) {
        streams.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
            .withTimeout(Duration.ofSeconds(20)));
    }

    private void produce(int rounds) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", "all");
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            for (int round = 0; round < rounds; round++) {
                for (String word : WORDS) {
                    producer.send(new ProducerRecord<>("words", round % PARTITIONS, null, word));
                    produced.merge(word, 1L, Long::sum);
                }
            }
        }
    }

    /** What the active stores of an instance hold; nothing while it rebalances. */
    private static Map<String, Long> counts(KafkaStreams streams) {
        Map<String, Long> found = new HashMap<>();
        try (var all = streams.store(StoreQueryParameters.fromNameAndType("counted",
                QueryableStoreTypes.<String, Long>keyValueStore())).all()) {
            all.forEachRemaining(entry -> found.put(entry.key, entry.value));
        } catch (InvalidStateStoreException notNow) {
            return Map.of();
        }
        return found;
    }

    /** The newest count of each word, as anyone can read it. */
    private Map<String, Long> published() {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap);
        Map<String, Long> found = new HashMap<>();
        try (KafkaConsumer<String, Long> consumer =
                new KafkaConsumer<>(config, new StringDeserializer(), new LongDeserializer())) {
            TopicPartition counts = new TopicPartition("counts", 0);
            consumer.assign(List.of(counts));
            consumer.seekToBeginning(List.of(counts));
            long end = consumer.endOffsets(List.of(counts)).get(counts);
            while (consumer.position(counts) < end) {
                for (ConsumerRecord<String, Long> record : consumer.poll(Duration.ofMillis(200))) {
                    found.put(record.key(), record.value());
                }
            }
        }
        return found;
    }

    private static long earliest(Admin admin, String topic) {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        for (int index = 0; index < PARTITIONS; index++) wanted.put(new TopicPartition(topic, index), OffsetSpec.earliest());
        try {
            return admin.listOffsets(wanted).all().get().values().stream().mapToLong(found -> found.offset()).sum();
        } catch (Exception failed) {
            throw new IllegalStateException(failed);
        }
    }

    private static long activeTasks(KafkaStreams streams) {
        return streams.metadataForLocalThreads().stream().mapToLong(thread -> thread.activeTasks().size()).sum();
    }

    private static long standbys(KafkaStreams streams) {
        return streams.metadataForLocalThreads().stream().mapToLong(thread -> thread.standbyTasks().size()).sum();
    }

    /** Each word is counted by one instance; a store of both would count it twice, which the comparison shows. */
    private static Map<String, Long> sum(Map<String, Long> some, Map<String, Long> others) {
        Map<String, Long> all = new HashMap<>(some);
        others.forEach((word, count) -> all.merge(word, count, Long::sum));
        return all;
    }

    private static boolean covers(Map<String, Long> counted, Map<String, Long> wanted) {
        return wanted.entrySet().stream().allMatch(entry -> counted.getOrDefault(entry.getKey(), 0L) >= entry.getValue());
    }

    private void until(String what, BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) throw new IllegalStateException("waited too long for " + what);
            Thread.sleep(50);
        }
        System.err.println(what);
    }
}
