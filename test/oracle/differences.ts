// What this broker answers otherwise than Apache Kafka 4.3.1, on purpose, each with its reason. The oracle test accepts these
// and nothing else, and docs/reference/kafka-compatibility.md lists them (scripts/kafka-compatibility.ts).

export interface MeantDifference {
  /** By Kafka's name. */
  readonly api: string;
  /** Of the answer: `topics.*.errorCode`. A star is any index; a path is also that of everything below it. */
  readonly path: string;
  /** What Kafka says and what is said here, where the difference is one of certain values (or texts) only. */
  readonly kafka?: unknown;
  readonly ours?: unknown;
  /** The requests that it is about (their `what`); absent for all. */
  readonly when?: RegExp;
  /** For people who know Kafka: what is different, and why. */
  readonly reason: string;
}

export const meantDifferences: readonly MeantDifference[] = [
  // ── what there is ──
  {
    api: 'ApiVersions',
    path: 'supportedFeatures',
    reason:
      'No feature is supported before the issue that brings it, `metadata.version` among them: there is one controller.',
  },
  {
    api: 'ApiVersions',
    path: 'finalizedFeatures',
    reason:
      'No feature is finalized: each would switch clients to a protocol that comes later (transactions 2, KIP-848, share groups).',
  },
  {
    api: 'ApiVersions',
    path: 'finalizedFeaturesEpoch',
    ours: 0n,
    reason: 'The epoch of features that never change is 0.',
  },
  // ── topics ──
  {
    api: 'Metadata',
    path: '*',
    when: /^neither name nor id$/,
    kafka: 'UNKNOWN_SERVER_ERROR',
    ours: 'INVALID_REQUEST',
    reason: 'A topic with neither name nor id is an invalid request (42); Kafka answers with a server error (-1).',
  },
  {
    api: 'AlterPartitionReassignments',
    path: 'errorMessage',
    when: /^no topics$/,
    kafka: '',
    ours: null,
    reason: 'A request without topics has no error message (null); in Kafka an empty one.',
  },
  {
    api: 'CreatePartitions',
    path: 'results.*',
    when: /^more for the topic of groups$/,
    reason:
      '`__consumer_offsets` gets no more partitions (POLICY_VIOLATION): groups would look for their offsets where they never wrote them. Kafka adds them.',
  },
  {
    api: 'DescribeTopicPartitions',
    path: 'topics',
    when: /^no such topic: $/,
    reason: 'An empty name is an invalid topic (17); Kafka answers the whole request with a server error (-1).',
  },
  // ── records ──
  {
    api: 'Produce',
    path: 'responses.*.partitionResponses.*',
    ours: /Compacted topic cannot accept message without key/,
    reason: 'The message about a record without a key does not repeat the partition, which the answer names.',
  },
  {
    api: 'Fetch',
    path: 'responses.*.partitions.*.records.bytesLeft',
    ours: 0,
    reason:
      'Fetch ends with a whole batch; Kafka fills `partition_max_bytes` with a part of the next one, which clients throw away.',
  },
  // ── folders ──
  {
    api: 'DescribeLogDirs',
    path: 'results.*.totalBytes',
    ours: -1n,
    reason: 'The size of the disk is not told: -1.',
  },
  {
    api: 'DescribeLogDirs',
    path: 'results.*.usableBytes',
    ours: -1n,
    reason: 'The free bytes of the disk are not told: -1.',
  },
  // ── settings ──
  {
    api: 'DescribeConfigs',
    path: 'results.*.configs.durability.achieved',
    kafka: undefined,
    reason: 'Beside `durability` stands `durability.achieved`, which tells what an acknowledgement really means.',
  },
  {
    api: 'DescribeConfigs',
    path: 'results.*.errorMessage',
    when: /^(an unknown|no) kind$/,
    ours: '',
    reason: 'A kind of resource that is not known is an invalid request (42) without more words.',
  },
  {
    api: 'DescribeConfigs',
    path: 'results.*.configs',
    when: /^a whole node$/,
    ours: undefined,
    reason: 'Of the settings of a broker those are there that have an effect here, and those that topics follow.',
  },
  {
    api: 'DescribeConfigs',
    path: 'results.*.configs',
    when: /^(a whole node|what a node is)$/,
    ours: /PLAINTEXT/,
    reason: 'There is one listener; Kafka has one more, of its controller.',
  },
  ...['listeners', 'listener.security.protocol.map'].map((name): MeantDifference => {
    return {
      api: 'DescribeConfigs',
      path: `results.*.configs.${name}.readOnly`,
      ours: true,
      reason: 'Listeners cannot be changed while the broker runs; in Kafka some can.',
    };
  }),
  {
    api: 'DescribeConfigs',
    path: 'results.*.configs.log.dirs',
    reason: '`log.dirs` names the one folder that holds everything.',
  },
  {
    api: 'DescribeQuorum',
    path: 'nodes',
    reason: 'The controller is within the process and has no listener of its own: none is told.',
  },
  ...[
    ['log.durability', '`log.durability` is what topics have that say nothing of `durability`.'],
    ['log.segment.bytes', 'Segments are 64 MiB by default; Kafka has 1 GiB.'],
    ['max.connections', 'There is a bound for connections by default; Kafka has none.'],
    [
      'offsets.topic.num.partitions',
      '`__consumer_offsets` has 8 partitions; Kafka has 50. On one machine more of them only cost folders.',
    ],
    ['offsets.topic.replication.factor', 'Each partition is kept once; Kafka asks for three replicas by default.'],
    [
      'min.insync.replicas',
      'Kafka sets `min.insync.replicas` for the cluster where replicas are elected by KIP-966; here it is the default.',
    ],
  ].map(([name = '', reason = '']): MeantDifference => {
    return { api: 'DescribeConfigs', path: `results.*.configs.${name}`, when: /^a whole node$/, reason };
  }),
  ...['CreateTopics', 'DescribeConfigs'].flatMap((api): MeantDifference[] => {
    const configs = `${api === 'CreateTopics' ? 'topics' : 'results'}.*.configs`;
    return [
      {
        api,
        path: `${configs}.durability`,
        kafka: undefined,
        reason: 'Throughline has the setting `durability`, which says what an acknowledgement means.',
      },
      {
        api,
        path: `${configs}.segment.bytes`,
        reason:
          'Segments are 64 MiB by default, so that retention and a start after a crash deal in smaller pieces; Kafka has 1 GiB.',
      },
      {
        api,
        path: `${configs}.min.insync.replicas`,
        reason:
          'Kafka sets `min.insync.replicas` for the cluster where replicas are elected by KIP-966; here it is the default.',
      },
    ];
  }),
];

/** What the oracle cannot be asked, or answers with its own defects: seen once by hand, on Apache Kafka 4.3.1. */
export const otherDifferences: readonly Pick<MeantDifference, 'api' | 'reason'>[] = [
  {
    api: 'Produce',
    reason: 'Records that are null are rejected with an error; Kafka never answers such a request.',
  },
  {
    api: 'Metadata',
    reason:
      '`__consumer_offsets` is not made because somebody asks for its metadata, but when the first group is looked for.',
  },
  {
    api: 'FindCoordinator',
    reason:
      'Transactions and share groups have no coordinator yet: an invalid request (42), which ends a client, and not an error that it would try again for ever.',
  },
  {
    api: 'CreateTopics',
    reason:
      'A replication factor of up to the number of nodes is accepted; each partition is kept once all the same, and described so. Of an assignment only the number of partitions counts.',
  },
  {
    api: 'CreateTopics',
    reason: 'A topic has 1,024 partitions at most (INVALID_PARTITIONS); Kafka rejects requests for more than 10,000.',
  },
  {
    api: 'DeleteTopics',
    reason:
      '`__consumer_offsets` is not deleted (POLICY_VIOLATION); Kafka deletes it, and every group loses its offsets.',
  },
  {
    api: 'InitProducerId',
    reason: 'A transactional id is rejected until there are transactions.',
  },
  {
    api: 'DescribeConfigs',
    reason: 'Loggers and groups have no settings, client metrics are not there.',
  },
  {
    api: 'AlterConfigs',
    reason: 'A resource that is named twice is rejected; Kafka does not answer.',
  },
  {
    api: 'AlterConfigs',
    reason:
      'A node keeps 1,000 settings at most that are not known. One of Kafka that is not here is such a setting: kept, and without effect.',
  },
  {
    api: 'IncrementalAlterConfigs',
    reason: 'An unknown operation is an invalid request (42); in Kafka a server error (-1).',
  },
  {
    api: 'CreatePartitions',
    reason: 'Too many partitions are INVALID_PARTITIONS; in Kafka a server error (-1).',
  },
];
