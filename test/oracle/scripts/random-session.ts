// A session of a seed: a few topics, producers, consumers and a group, and a random walk of requests in random versions. What
// is asked next depends on the seed alone and never on an answer, so that both brokers are asked the same.
import { integerBetween, seededRandom, utf8, type Random } from '@throughline/event';
import { encodeRecordBatch, readRecordCount } from '@throughline/wire';
import {
  createPartitionsApi,
  deleteRecordsApi,
  deleteTopicsApi,
  fetchApi,
  incrementalAlterConfigsApi,
  initProducerIdApi,
  listOffsetsApi,
  metadataApi,
  offsetCommitApi,
  offsetDeleteApi,
  offsetFetchApi,
  offsetForLeaderEpochApi,
  produceApi,
} from '@throughline/wire/apis';
import type { Side } from '../side.ts';
import { GroupTalk, type Joined } from './group-talk.ts';
import type { Script } from './script.ts';

const stepCount = 120;
const unknownId = `${'0'.repeat(31)}7`;
/** An hour ago, the same on both sides: recent, as old records would be removed by retention, and never the broker's own time. */
const nowMs = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;

export function randomSession(seed: number): Script {
  return {
    name: `random session ${seed}`,
    run: async (side) => new Session(side, seed).run(),
  };
}

interface Topic {
  readonly name: string;
  partitionCount: number;
}

interface Producer {
  readonly id: bigint;
  epoch: number;
  /** The next sequence number by partition. */
  readonly sequences: Map<string, number>;
}

interface Member {
  readonly as: string;
  joined: Joined;
}

class Session {
  readonly #side: Side;
  readonly #random: Random;
  readonly #seed: number;
  readonly #topics: Topic[] = [];
  readonly #producers: Producer[] = [];
  readonly #members: Member[] = [];
  /** Partitions of which records were deleted. */
  readonly #shortened = new Set<string>();
  readonly #group: GroupTalk;
  #made = 0;
  #step = 0;

  constructor(side: Side, seed: number) {
    this.#side = side;
    this.#seed = seed;
    this.#random = seededRandom(seed);
    this.#group = new GroupTalk(side, `walk-${seed}`, integerBetween(this.#random, 2, 9));
  }

  async run(): Promise<void> {
    await this.#side.coordinated(this.#group.groupId);
    await this.#side.until('producer ids to be given', async () => {
      const { errorCode } = await this.#side.ask(initProducerIdApi, 4, {
        transactionalId: null,
        transactionTimeoutMs: 60_000,
      });
      return errorCode === 'NONE' ? true : undefined;
    });
    for (let count = 0; count < 3; count++) await this.#makeTopic();
    for (let count = 0; count < 2; count++) await this.#makeProducer();
    for (this.#step = 0; this.#step < stepCount; this.#step++) await this.#walk();
  }

  /** Writes are the most frequent, changes of topics and of the group the rarest. */
  #walk(): Promise<unknown> {
    const steps: readonly (readonly [weight: number, step: () => Promise<unknown>])[] = [
      [30, () => this.#produce()],
      [10, () => this.#produceIdempotently()],
      [20, () => this.#fetch()],
      [8, () => this.#listOffsets()],
      [4, () => this.#epochs()],
      [10, () => this.#commit()],
      [6, () => this.#committed()],
      [2, () => this.#forget()],
      [4, () => this.#deleteRecords()],
      [3, () => this.#alter()],
      [2, () => this.#grow()],
      [2, () => this.#replaceTopic()],
      [3, () => this.#metadata()],
      [4, () => this.#memberJoins()],
      [2, () => this.#memberLeaves()],
      [4, () => this.#heartbeat()],
    ];
    const total = steps.reduce((sum, [weight]) => sum + weight, 0);
    let at = this.#upTo(total);
    for (const [weight, step] of steps) {
      at -= weight;
      if (at < 0) return step();
    }
    return Promise.resolve();
  }

  /** A whole number from 0 on, below `count`. */
  #upTo(count: number): number {
    return integerBetween(this.#random, 0, count - 1);
  }

  #version({ versionMax, versionMin }: { readonly versionMin: number; readonly versionMax: number }): number {
    return integerBetween(this.#random, versionMin, versionMax);
  }

  #what(what: string): string {
    return `${this.#step}: ${what}`;
  }

  #topic(): Topic {
    return this.#topics[this.#upTo(this.#topics.length)]!;
  }

  /** Mostly one that there is. */
  #partition({ partitionCount }: Topic): number {
    return this.#upTo(20) === 0 ? partitionCount + 3 : this.#upTo(partitionCount);
  }

  #idOf({ name }: Topic): string {
    return this.#side.topicIds.get(name) ?? unknownId;
  }

  async #makeTopic(): Promise<void> {
    const topic = { name: `walk-${this.#seed}-${this.#made++}`, partitionCount: 1 + this.#upTo(3) };
    const kinds: readonly Record<string, string>[] = [
      {},
      {},
      { 'cleanup.policy': 'compact' },
      { 'message.timestamp.type': 'LogAppendTime' },
      { 'max.message.bytes': '500' },
    ];
    await this.#side.topic(topic.name, topic.partitionCount, kinds[this.#upTo(kinds.length)]);
    this.#topics.push(topic);
  }

  async #makeProducer(): Promise<void> {
    const ask = { transactionalId: null, transactionTimeoutMs: 60_000 };
    const { producerId } = await this.#side.ask(initProducerIdApi, 4, ask);
    this.#producers.push({ id: producerId, epoch: 0, sequences: new Map() });
  }

  #records(producer?: { readonly id: bigint; readonly epoch: number; readonly baseSequence: number }): Uint8Array {
    const count = 1 + this.#upTo(4);
    const hasKeys = this.#upTo(2) === 0;
    const records = Array.from({ length: count }, (_, index) => ({
      key: hasKeys ? utf8(`key ${this.#upTo(5)}`) : null,
      value: this.#upTo(10) === 0 ? null : utf8('v'.repeat(this.#upTo(this.#upTo(5) === 0 ? 2000 : 60))),
      timestampMs: nowMs + this.#upTo(60) * 1000 + index,
      headers: this.#upTo(4) === 0 ? [{ key: 'h', value: utf8('1') }] : [],
    }));
    const codec = (['none', 'none', 'gzip', 'zstd'] as const)[this.#upTo(4)]!;
    return encodeRecordBatch(records, { nowMs, codec, ...(producer === undefined ? {} : { producer }) });
  }

  #send(what: string, topic: Topic, partition: number, records: Uint8Array): Promise<unknown> {
    return this.#side.call(this.#what(what), produceApi, this.#version(produceApi), {
      acks: this.#upTo(2) === 0 ? -1 : 1,
      timeoutMs: 30_000,
      topicData: [{ name: topic.name, topicId: this.#idOf(topic), partitionData: [{ index: partition, records }] }],
    });
  }

  #produce(): Promise<unknown> {
    const topic = this.#topic();
    const partition = this.#partition(topic);
    const records = this.#records();
    if (this.#upTo(15) === 0) records[records.length - 1]! ^= 0x55;
    return this.#send('produce', topic, partition, records);
  }

  #produceIdempotently(): Promise<unknown> {
    const topic = this.#topic();
    const partition = this.#upTo(topic.partitionCount);
    const producer = this.#producers[this.#upTo(this.#producers.length)]!;
    if (this.#upTo(12) === 0) {
      producer.epoch++;
      producer.sequences.clear();
    }
    const key = `${topic.name} ${partition}`;
    const next = producer.sequences.get(key) ?? 0;
    // Mostly the next one; sometimes one of before, or a gap.
    const odd = [next, next, next, next, Math.max(0, next - 1), next + 2][this.#upTo(6)]!;
    const records = this.#records({ id: producer.id, epoch: producer.epoch, baseSequence: odd });
    if (odd === next) producer.sequences.set(key, next + readRecordCount(records, 0));
    return this.#send('produce in sequence', topic, partition, records);
  }

  #fetch(): Promise<unknown> {
    const version = this.#version(fetchApi);
    const topics = Array.from({ length: 1 + this.#upTo(2) }, () => this.#topic());
    const asked = new Set(topics);
    return this.#side.call(this.#what('fetch'), fetchApi, version, {
      maxWaitMs: 0,
      minBytes: 0,
      // Kafka counts the batch that it cuts off at the end, which we do not send: a bound that reaches into the second topic
      // would leave it another number of bytes.
      maxBytes: [1, asked.size === 1 ? 500 : 1 << 20, 1 << 20][this.#upTo(3)]!,
      isolationLevel: this.#upTo(2),
      topics: Array.from(asked, (topic) => ({
        topic: topic.name,
        topicId: this.#idOf(topic),
        partitions: [
          {
            partition: this.#partition(topic),
            fetchOffset: BigInt(this.#upTo(30) - 1),
            partitionMaxBytes: [1, 300, 1 << 20][this.#upTo(3)]!,
            currentLeaderEpoch: this.#upTo(10) === 0 ? 1 : -1,
          },
        ],
      })),
    });
  }

  #listOffsets(): Promise<unknown> {
    const topic = this.#topic();
    const partitionIndex = this.#partition(topic);
    // Kafka finds the largest timestamp among deleted records, too.
    const largest = this.#shortened.has(`${topic.name} ${partitionIndex}`) ? -1n : -3n;
    const timestamp = [-1n, -2n, largest, BigInt(nowMs + this.#upTo(60) * 1000)][this.#upTo(4)]!;
    const partitions = [{ partitionIndex, timestamp }];
    return this.#side.call(this.#what('list offsets'), listOffsetsApi, this.#version(listOffsetsApi), {
      replicaId: -1,
      topics: [{ name: topic.name, partitions }],
    });
  }

  #epochs(): Promise<unknown> {
    const topic = this.#topic();
    const partitions = [{ partition: this.#partition(topic), leaderEpoch: this.#upTo(3) - 1 }];
    return this.#side.call(this.#what('epochs'), offsetForLeaderEpochApi, this.#version(offsetForLeaderEpochApi), {
      topics: [{ topic: topic.name, partitions }],
    });
  }

  #deleteRecords(): Promise<unknown> {
    const topic = this.#topic();
    const partitionIndex = this.#partition(topic);
    this.#shortened.add(`${topic.name} ${partitionIndex}`);
    const partitions = [{ partitionIndex, offset: BigInt(this.#upTo(12) - 1) }];
    return this.#side.call(this.#what('delete records'), deleteRecordsApi, this.#version(deleteRecordsApi), {
      topics: [{ name: topic.name, partitions }],
      timeoutMs: 30_000,
    });
  }

  #commit(): Promise<unknown> {
    const version = this.#version(offsetCommitApi);
    const topic = this.#topic();
    const member = this.#members[this.#upTo(Math.max(1, this.#members.length))];
    const speaksAs = this.#upTo(5);
    const generation = member?.joined?.generationId ?? -1;
    return this.#side.call(this.#what('commit'), offsetCommitApi, version, {
      groupId: this.#group.groupId,
      generationIdOrMemberEpoch: speaksAs === 0 ? generation + 1 : speaksAs === 1 ? -1 : generation,
      memberId: speaksAs === 1 ? '' : (member?.joined?.memberId ?? ''),
      topics: [
        {
          name: topic.name,
          topicId: this.#idOf(topic),
          partitions: [
            {
              partitionIndex: this.#partition(topic),
              committedOffset: BigInt(this.#upTo(50)),
              committedLeaderEpoch: this.#upTo(2) - 1,
              committedMetadata: this.#upTo(3) === 0 ? null : `note ${this.#step}`,
            },
          ],
        },
      ],
    });
  }

  #committed(): Promise<unknown> {
    const version = integerBetween(this.#random, 2, offsetFetchApi.versionMax);
    const named =
      this.#upTo(2) === 0
        ? null
        : this.#topics.map((topic) => ({
            name: topic.name,
            topicId: this.#idOf(topic),
            partitionIndexes: Array.from({ length: topic.partitionCount }, (_, partition) => partition),
          }));
    const { groupId } = this.#group;
    return this.#side.call(this.#what('committed'), offsetFetchApi, version, {
      groupId,
      topics: named,
      groups: [{ groupId, topics: named }],
    });
  }

  #forget(): Promise<unknown> {
    const topic = this.#topic();
    return this.#side.call(this.#what('forget an offset'), offsetDeleteApi, 0, {
      groupId: this.#group.groupId,
      topics: [{ name: topic.name, partitions: [{ partitionIndex: this.#partition(topic) }] }],
    });
  }

  #alter(): Promise<unknown> {
    const { name } = this.#topic();
    const changes = [
      ['max.message.bytes', 0, '700'],
      ['max.message.bytes', 1, null],
      ['message.timestamp.after.max.ms', 0, 'never'],
      ['cleanup.policy', 2, 'delete'],
      ['segment.bytes', 0, '1'],
    ] as const;
    // Settings that change what is accepted take effect in Kafka a moment later, so only rejections and no-ops are tried.
    const [setting, configOperation, value] = changes[2 + this.#upTo(3)]!;
    return this.#side.call(this.#what('alter'), incrementalAlterConfigsApi, this.#version(incrementalAlterConfigsApi), {
      resources: [{ resourceType: 2, resourceName: name, configs: [{ name: setting, configOperation, value }] }],
      validateOnly: configOperation === 2,
    });
  }

  async #grow(): Promise<void> {
    const topic = this.#topic();
    const count = topic.partitionCount + this.#upTo(3) - 1;
    const topics = [{ name: topic.name, count, assignments: null }];
    const version = this.#version(createPartitionsApi);
    const rest = { timeoutMs: 30_000, validateOnly: false };
    await this.#side.call(this.#what('grow'), createPartitionsApi, version, { topics, ...rest });
    if (count <= topic.partitionCount) return;
    topic.partitionCount = count;
    await this.#side.served(topic.name, count);
  }

  async #replaceTopic(): Promise<void> {
    const [topic] = this.#topics.splice(this.#upTo(this.#topics.length), 1);
    await this.#side.call(this.#what('delete a topic'), deleteTopicsApi, integerBetween(this.#random, 1, 5), {
      topicNames: [topic!.name],
      timeoutMs: 30_000,
    });
    await this.#side.gone(topic!.name);
    await this.#makeTopic();
  }

  #metadata(): Promise<unknown> {
    return this.#side.call(this.#what('metadata'), metadataApi, this.#version(metadataApi), {
      topics: this.#topics.map(({ name }) => ({ name, topicId: '0'.repeat(32) })),
      allowAutoTopicCreation: true,
    });
  }

  async #memberJoins(): Promise<void> {
    if (this.#members.length >= 4) return;
    const member: Member = { as: `m${this.#made++}`, joined: undefined };
    const joining = this.#group.join(this.#what(`${member.as} joins`), member.as);
    // The others come again once they are asked to, the leader last: only then is it certain who is there.
    await this.#rebalanced();
    const others = this.#rejoin();
    member.joined = await joining;
    await others;
    this.#members.push(member);
    await this.#sync();
  }

  async #memberLeaves(): Promise<void> {
    // Not the leader, who is the first: Kafka takes any member in his place, in the order of a hash map.
    const count = this.#members.length;
    const [member] = this.#members.splice(count > 1 ? 1 + this.#upTo(count - 1) : 0, 1);
    if (member === undefined) return;
    await this.#group.leave(this.#what(`${member.as} leaves`), member.as, member.joined?.memberId ?? '');
    await this.#side.disconnect(member.as);
    await this.#rejoin();
    await this.#sync();
  }

  /** Waits until a rebalance has begun: it may have been asked for on another connection. */
  async #rebalanced(): Promise<void> {
    const [one] = this.#members;
    if (one === undefined) return;
    await this.#side.until('a rebalance', async () => ((await this.#group.beats(one.joined)) ? undefined : true));
  }

  async #rejoin(): Promise<void> {
    await Promise.all(
      this.#members.map(async (member) => {
        const { as, joined } = member;
        member.joined = await this.#group.join(this.#what(`${as} joins again`), as, joined?.memberId);
      }),
    );
  }

  /** The leader assigns; the others wait for it. */
  async #sync(): Promise<void> {
    const ids = this.#members.map(({ joined }) => joined?.memberId ?? '');
    await Promise.all(
      this.#members.map(({ as, joined }) => {
        const isLeader = joined !== undefined && joined.leader === joined.memberId;
        return this.#group.sync(this.#what(`${as} syncs`), as, joined, isLeader ? ids : []);
      }),
    );
    await this.#group.look(this.#what('the group'));
  }

  async #heartbeat(): Promise<void> {
    const member = this.#members[this.#upTo(Math.max(1, this.#members.length))];
    if (member !== undefined) await this.#group.heartbeat(this.#what('heartbeat'), member.as, member.joined);
  }
}
