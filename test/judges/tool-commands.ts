// The command line tools of Apache Kafka's bin folder, in an order in which one leaves what the next one finds. Each is run on
// our broker and on Apache Kafka; what a user sees must be the same, but for what is listed here with its reason.

/** A tool and its arguments; `{name}` stands for a file of `toolFiles`. */
export interface ToolCommand {
  readonly words: readonly string[];
  /** The numbers depend on the clock. */
  readonly isMeasured?: true;
  /** Why ours shows something else, and what. */
  readonly meant?: { readonly why: string; readonly ours: RegExp };
}

export const toolFiles: Readonly<Record<string, unknown>> = {
  offsets: 'a,0,2\na,1,1\n',
  settings: 'retention.ms=70000000\nmax.message.bytes=2000000\n',
  remove: { version: 1, partitions: [{ topic: 'a', partition: 0, offset: 2 }] },
  elect: { partitions: [{ topic: 'a', partition: 0 }] },
  move: { version: 1, topics: [{ topic: 'a' }] },
  reassign: { version: 1, partitions: [{ topic: 'a', partition: 0, replicas: [1] }] },
};

/** What both print in another way wherever it comes up: the same once it is replaced. */
export const meantEverywhere: readonly { readonly why: string; readonly pattern: RegExp; readonly by: string }[] = [
  {
    why: 'Kafka sets min.insync.replicas for the cluster where replicas are elected by KIP-966.',
    pattern:
      /(?<=Configs: )min\.insync\.replicas=1(,|(?=$))|^ min\.insync\.replicas=1 .*DYNAMIC_DEFAULT_BROKER_CONFIG:min\.insync\.replicas=1}\n|DYNAMIC_DEFAULT_BROKER_CONFIG:min\.insync\.replicas=1, /gm,
    by: '',
  },
  { why: 'Throughline has the setting durability.', pattern: /^ durability.*\n/gm, by: '' },
  {
    why: 'Segments are 64 MiB by default; Kafka has 1 GiB.',
    pattern: /(segment\.bytes=)(67108864|1073741824)/g,
    by: '$1DEFAULT',
  },
  {
    why: 'A record of a group may be as large as a request: the offsets topic says so itself.',
    pattern: /^ max\.message\.bytes=104857600 .*\n/gm,
    by: '',
  },
];

const topics = 'TopicCommand';
const configs = 'kafka.admin.ConfigCommand';
const groups = 'consumer.group.ConsumerGroupCommand';
const offsets = 'GetOffsetShell';
const reassign = 'reassign.ReassignPartitionsCommand';
const oneNode = 'There is one node and no quorum, and the client names the API that is missing.';
const oneVoter = 'The one voter has no directory id and no listener of its own, and the metadata log another length.';
const later = 'Comes with a later issue, and the client names the API that is missing.';

function same(tool: string, line: string): ToolCommand {
  return { words: [tool, ...line.split(' ')] };
}

function measured(tool: string, line: string): ToolCommand {
  return { ...same(tool, line), isMeasured: true };
}

function rejected(tool: string, line: string, api: string, why: string): ToolCommand {
  return { ...same(tool, line), meant: { why, ours: new RegExp(`does not support ${api}|not support the broker un`) } };
}

const resets = [
  '--to-earliest',
  '--to-latest',
  '--to-current',
  '--to-offset 3',
  '--shift-by -2',
  '--shift-by 1',
  '--to-datetime 2020-01-01T00:00:00.000',
  '--to-datetime 2099-01-01T00:00:00.000',
  '--by-duration P1D',
  '--to-offset 999999',
];

export const toolCommands: readonly ToolCommand[] = [
  same(topics, '--create --topic a --partitions 2 --config retention.ms=86400000'),
  same(topics, '--describe --topic a'),
  same(topics, '--create --topic a'),
  same(topics, '--create --topic a --if-not-exists'),
  same(topics, '--create --topic c --config cleanup.policy=compact --replica-assignment 1'),
  same(topics, '--create --topic live --partitions 4'),
  same(topics, '--create --topic bad --config nope=1'),
  same(topics, '--create --topic bad/name'),
  same(topics, '--create --topic bad --replication-factor 3'),
  same(topics, '--create --topic bad --partitions 0'),
  same(topics, '--create --topic bad --replica-assignment 1:2,1:2'),
  same(topics, '--create --topic bad --replica-assignment 9'),
  same(topics, '--create --topic dotted.name_'),
  same(topics, '--create --topic dotted_name.'),
  same(topics, '--alter --topic a --partitions 3 --replica-assignment 1,1,1'),
  same(topics, '--alter --topic a --partitions 2'),
  same(topics, '--alter --topic nowhere --partitions 2'),
  same(topics, '--describe'),
  same(topics, '--describe --topic a --partition-size-limit-per-response 1'),
  same(topics, '--describe --topic nowhere'),
  same(topics, '--describe --under-replicated-partitions'),
  same(topics, '--describe --unavailable-partitions'),
  same(topics, '--describe --at-min-isr-partitions'),
  same(topics, '--describe --under-min-isr-partitions'),
  {
    ...same(topics, '--describe --topics-with-overrides'),
    meant: { why: 'To Kafka each topic has min.insync.replicas set.', ours: /Topic: c\b(?![^]*Topic: live)/ },
  },
  same(topics, '--list --exclude-internal'),

  same('VerifiableProducer', '--topic a --max-messages 60 --repeating-keys 12'),
  measured('ProducerPerformance', '--topic perf --num-records 500 --record-size 100 --throughput -1'),
  measured('ConsumerPerformance', '--topic perf --num-records 500 --group perf --timeout 10000'),
  measured('EndToEndLatency', '--topic latency --num-records 20 --acks all --record-size 10'),
  same('consumer.ConsoleConsumer', '--topic a --partition 0 --offset 3 --max-messages 2'),
  same(
    'consumer.ConsoleConsumer',
    '--topic a --partition 0 --offset 5 --max-messages 2 --isolation-level read_committed',
  ),
  same(offsets, '--topic a'),
  ...[-1, -2, -4, -5, 'earliest', 'latest', 'earliest-local', 'latest-tiered', 1000].map((time) =>
    same(offsets, `--topic-partitions a:0-2 --time ${time}`),
  ),
  measured(offsets, '--topic a --time -3'),
  measured(offsets, '--topic a --time max-timestamp'),
  same(offsets, '--topic nowhere'),
  same(offsets, '--exclude-internal-topics'),

  // Also of a group that is active: who is in it, and what is rejected while somebody is.
  { words: ['&', 'consumer.ConsoleConsumer', '--topic', 'live', '--group', 'active'] },
  same(groups, '--describe --group active --members --verbose'),
  same(groups, '--describe --group active --state'),
  same(groups, '--describe --group active'),
  same(groups, '--reset-offsets --group active --topic live --to-earliest --execute'),
  same(groups, '--delete --group active'),
  same(groups, '--delete-offsets --group active --topic live'),
  same(groups, '--list --state'),
  same(groups, '--list --state empty'),
  same(groups, '--list --type'),
  same(groups, '--list --type classic'),
  same(groups, '--list --type consumer'),
  same(groups, '--reset-offsets --group readers --topic a --to-earliest --execute'),
  ...resets.flatMap((how) => [
    same(groups, `--reset-offsets --group readers --topic a ${how} --execute`),
    same(groups, '--describe --group readers --offsets --verbose'),
  ]),
  same(groups, '--reset-offsets --group readers --topic a:1,2 --to-offset 1 --dry-run'),
  same(groups, '--reset-offsets --group readers --all-topics --to-latest --export --dry-run'),
  same(groups, '--reset-offsets --group readers --from-file {offsets} --execute'),
  same(groups, '--reset-offsets --group readers --topic nowhere --to-earliest --execute'),
  same(groups, '--describe --group readers --members --verbose'),
  same(groups, '--describe --group readers --state --verbose'),
  same(groups, '--describe --all-groups --state'),
  same(groups, '--describe --group nowhere'),
  same(groups, '--delete-offsets --group readers --topic a:0'),
  same(groups, '--delete-offsets --group nowhere --topic a:0'),
  same(groups, '--delete-offsets --group readers --topic nowhere'),
  same(groups, '--describe --group readers'),
  same('GroupsCommand', '--list'),
  same('GroupsCommand', '--list --consumer'),
  same('GroupsCommand', '--list --group-type classic'),
  same('GroupsCommand', '--list --share'),
  same('GroupsCommand', '--list --streams'),
  same('consumer.group.ShareGroupCommand', '--list'),
  same('streams.StreamsGroupCommand', '--list'),
  same('StreamsResetter', '--application-id readers --input-topics a --to-offset 1'),
  same(groups, '--describe --group readers'),
  same(groups, '--delete --group readers'),
  same(groups, '--delete --group nowhere'),
  same('DeleteRecordsCommand', '--offset-json-file {remove}'),
  same(offsets, '--topic a --time earliest'),

  same(configs, '--describe --topic a'),
  same(configs, '--describe --topic a --all'),
  same(configs, '--describe --topic nowhere'),
  same(configs, '--alter --topic a --add-config retention.ms=60000000,segment.bytes=1048576'),
  same(configs, '--alter --topic a --add-config cleanup.policy=[compact,delete]'),
  same(configs, '--describe --topic a'),
  same(configs, '--alter --topic a --delete-config segment.bytes,cleanup.policy'),
  same(configs, '--alter --topic a --delete-config segment.bytes'),
  same(configs, '--alter --topic a --add-config retention.ms=abc'),
  same(configs, '--alter --topic a --add-config cleanup.policy=nope'),
  same(configs, '--alter --topic a --add-config nope=1'),
  same(configs, '--alter --topic a --add-config leader.replication.throttled.replicas=[0:1,1:1]'),
  same(configs, '--alter --topic a --add-config remote.storage.enable=true'),
  same(configs, '--alter --topic a --add-config-file {settings}'),
  same(configs, '--alter --topic nowhere --add-config retention.ms=5'),
  same(configs, '--describe --entity-type topics'),
  same(configs, '--describe --entity-type brokers'),
  same(configs, '--describe --broker 99'),
  {
    ...same(configs, '--describe --broker 1 --all'),
    meant: { why: 'Of the settings of a broker those are there that have an effect here.', ours: /num\.partitions=1 / },
  },
  same(configs, '--alter --broker 1 --add-config message.max.bytes=2000000'),
  same(configs, '--alter --entity-type brokers --entity-default --add-config log.retention.ms=100000000'),
  same(configs, '--describe --broker 1'),
  same(configs, '--describe --entity-type brokers --entity-default'),
  same(configs, '--alter --broker 1 --delete-config message.max.bytes'),
  same(configs, '--alter --entity-type brokers --entity-default --delete-config log.retention.ms'),
  same(configs, '--describe --broker 1'),
  same(configs, '--alter --broker 1 --add-config log.dirs=/x'),
  {
    ...same(configs, '--describe --broker-logger 1'),
    meant: { why: 'Loggers have no settings.', ours: /^Dynamic configs for broker-logger 1 are:$/m },
  },
  same(configs, '--describe --entity-type groups'),
  same(configs, '--describe --group perf'),
  {
    ...same(configs, '--alter --group perf --add-config consumer.session.timeout.ms=50000'),
    meant: { why: 'Groups have no settings before KIP-848.', ours: /Unknown group config name/ },
  },
  same(configs, '--describe --entity-type client-metrics'),
  same(configs, '--describe --client-metrics x'),
  same('ClientMetricsCommand', '--list'),
  same('ClientMetricsCommand', '--describe'),
  {
    ...same('ClientMetricsCommand', '--alter --name x --metrics org.apache.kafka.producer. --interval 10000'),
    meant: { why: later, ours: /Client metrics are not supported by this broker/ },
  },
  {
    ...same(configs, '--alter --broker-logger 1 --add-config kafka.server.KafkaApis=DEBUG'),
    meant: { why: 'Loggers have no settings.', ours: /Invalid broker logger/ },
  },
  same(configs, '--alter --broker 1 --add-config num.io.threads=9'),
  ...['users', 'clients', 'ips'].map((entity) =>
    rejected(configs, `--describe --entity-type ${entity}`, 'DESCRIBE_CLIENT_QUOTAS', later),
  ),

  // The bytes depend on how the producer filled its batches.
  measured('LogDirsCommand', '--describe --topic-list a'),
  same('LogDirsCommand', '--describe --topic-list live,c --broker-list 1'),
  same('LogDirsCommand', '--describe --topic-list nowhere'),
  same('LogDirsCommand', '--describe --broker-list 99'),
  {
    words: ['BrokerApiVersionsCommand'],
    meant: { why: 'What is not there is not advertised.', ours: /Produce\(0\): 0 to 13 \[usable: 13\]/ },
  },
  same('ClusterTool', 'cluster-id'),
  same('ClusterTool', 'list-endpoints'),
  same('ClusterTool', 'list-endpoints --include-fenced-brokers'),
  rejected('ClusterTool', 'unregister --id 7', 'UNREGISTER_BROKER', oneNode),
  {
    ...same('FeatureCommand', 'describe'),
    meant: { why: 'No feature is supported before the issue that brings it.', ours: /^status 0$/ },
  },
  same('FeatureCommand', 'version-mapping'),
  rejected('FeatureCommand', 'upgrade --release-version 4.3', 'UPDATE_FEATURES', oneNode),
  {
    ...same('MetadataQuorumCommand', 'describe --status'),
    meant: { why: oneVoter, ours: /^CurrentObservers: \[\]$[^]*^CurrentVoters: \[\{"id": 1\}\]$[^]*^LeaderId: 1$/m },
  },
  {
    ...same('MetadataQuorumCommand', 'describe --replication'),
    meant: { why: oneVoter, ours: /^1\s+A{22}\s+\d+\s+0\s+\d+\s+\d+\s+Leader$/m },
  },
  same('LeaderElectionCommand', '--election-type preferred --all-topic-partitions'),
  same('LeaderElectionCommand', '--election-type unclean --path-to-json-file {elect}'),
  same(reassign, '--list'),
  same(reassign, '--generate --topics-to-move-json-file {move} --broker-list 1'),
  same(reassign, '--execute --reassignment-json-file {reassign}'),
  same(reassign, '--verify --reassignment-json-file {reassign}'),
  rejected('TransactionsCommand', 'list', 'LIST_TRANSACTIONS', later),
  rejected('TransactionsCommand', 'describe-producers --topic a --partition 0', 'DESCRIBE_PRODUCERS', later),
  rejected('AclCommand', '--list', 'DESCRIBE_ACLS', later),

  same(topics, '--delete --topic a'),
  same(topics, '--delete --topic a --if-exists'),
  same(topics, '--delete --topic nowhere'),
  same(topics, '--list'),
  // What is met last, because Kafka keeps something of it.
  measured(
    'VerifiableConsumer',
    '--topic perf --group-id static --max-messages 1 --reset-policy earliest --group-instance-id i',
  ),
  same(groups, '--describe --group static --members --verbose'),
  {
    ...same('consumer.ConsoleConsumer', '--topic perf --timeout-ms 1000 --command-property group.protocol=consumer'),
    meant: { why: later, ours: /Set group\.protocol=classic on the consumer configs/ },
  },
  {
    ...same('ProducerPerformance', '--topic perf --num-records 1 --record-size 9 --throughput -1 --transactional-id t'),
    meant: { why: later, ours: /This broker has no coordinator for transactions\./ },
  },
];
