// The consumer group of a mapping: its members, one for each process, share the partitions of the topic, and the offsets that it
// has committed are the only progress of the mapping. A group that cannot be joined says why, and is joined again and again; only
// where a newer member has taken this one's name the older keeps out.
//
// A commit says more than the offset: which incarnation of the topic it belongs to, and how many partitions that had when the mapping
// began, so that a partition that was added later is read from its first record wherever the mapping began in the others.
import { delayOrAbort, ThroughlineError, type Clock, type Logger } from '@throughline/event';
import type { AssignmentChange, GroupMembership, GroupOffset, JoinRequest, Log } from '@throughline/log';
import { groupRetryMs, mappingCommitMs, retryDelayMs } from '../../defaults.ts';
import type { Place } from './offset-tracker.ts';

export interface MappingGroupOptions {
  readonly log: Log;
  readonly group: string;
  readonly topic: string;
  readonly member: Pick<JoinRequest, 'instanceId' | 'heartbeatMs' | 'sessionTimeoutMs'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onAssigned: (partition: number) => void;
  /** Resolves when the work on it has ended, and its last place was handed in. */
  readonly onRevoked: (partition: number) => Promise<void>;
  /** Others may have it by now. */
  readonly onLost: (partition: number) => void;
}

/** What a commit says beside its offset. */
export interface CommitNote {
  readonly topicId: string;
  /** Partitions of the topic when the mapping began. */
  readonly partitionCount: number;
  /** Of a queue: where the receipts of the messages from the place on begin (queue/receipts.ts). */
  readonly receiptsFrom?: bigint | undefined;
}

export interface Committed extends Place {
  readonly partition: number;
  /** Undefined where somebody else has committed. */
  readonly note: CommitNote | undefined;
}

export class MappingGroup {
  readonly #options: MappingGroupOptions;
  #membership: GroupMembership;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** By partition: handed in, and not committed yet. */
  readonly #news = new Map<number, GroupOffset>();
  #committing: Promise<void> | undefined;
  /** Why nobody assigns at the moment. */
  problem: ThroughlineError | undefined;

  constructor(options: MappingGroupOptions) {
    this.#options = options;
    this.#membership = this.#join();
    this.#running = this.#run();
  }

  /** What the group has committed in the topic. @throws ThroughlineError LOG_UNREACHABLE, LOG_REFUSED, CLOSED */
  async committed(): Promise<readonly Committed[]> {
    const { log, group, topic } = this.#options;
    const all = await log.admin.committedOffsets(group);
    return all.flatMap(({ topic: of, partition, offset, leaderEpoch = -1, metadata }) =>
      of === topic && offset >= 0n ? [{ partition, offset, leaderEpoch, note: noteOf(metadata) }] : [],
    );
  }

  /** Commits a place as soon as the commit before it is through; a newer one replaces what waits. */
  commit(
    partition: number,
    { offset, leaderEpoch }: Place,
    { topicId, partitionCount, receiptsFrom }: CommitNote,
  ): void {
    const { topic } = this.#options;
    const receipts = receiptsFrom === undefined ? '' : ` receipts=${receiptsFrom}`;
    const metadata = `topic=${topicId} of=${partitionCount}${receipts}`;
    this.#news.set(partition, { topic, partition, offset, leaderEpoch, metadata });
    this.#committing ??= this.#commit().finally(() => (this.#committing = undefined));
  }

  /** What waits for its commit belongs to a history that has ended. */
  forget(partition: number): void {
    this.#news.delete(partition);
  }

  /** Resolves when everything that was handed in is committed, or after a while. */
  async flushed(): Promise<void> {
    const isDone = new AbortController();
    void this.#committing?.finally(() => isDone.abort());
    if (this.#committing !== undefined) await delayOrAbort(this.#options.clock, mappingCommitMs, isDone.signal);
  }

  /** Leaves the group, once the work on its partitions has ended: others have them at once. */
  async close(): Promise<void> {
    await this.flushed();
    this.#stop.abort();
    await this.#membership.close();
    await this.#running;
    await this.#committing;
  }

  #join(): GroupMembership {
    const { log, group, topic, member } = this.#options;
    return log.join({ ...member, group, topics: [topic] });
  }

  async #run(): Promise<void> {
    const { clock, logger, group } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        for await (const change of this.#membership) {
          this.problem = undefined;
          this.#take(change);
        }
        return;
      } catch (thrown) {
        this.problem = ThroughlineError.from(thrown);
        logger.error({ group, ...this.problem.toJSON() }, 'a mapping has lost its group');
        if (this.problem.code === 'GROUP_MEMBER_FENCED' || this.problem.code === 'CLOSED') return;
      }
      await delayOrAbort(clock, groupRetryMs, this.#stop.signal);
      if (!this.#stop.signal.aborted) this.#membership = this.#join();
    }
  }

  #take({ kind, partitions }: AssignmentChange): void {
    const membership = this.#membership;
    for (const { topic, partition } of partitions) {
      if (kind === 'assigned') this.#options.onAssigned(partition);
      else if (kind === 'lost') {
        this.#news.delete(partition);
        this.#options.onLost(partition);
      } else {
        // It is not waited for: what is lost meanwhile has to be heard of.
        void this.#options
          .onRevoked(partition)
          .then(() => this.flushed())
          .then(() => membership.release([{ topic, partition }]));
      }
    }
  }

  /** Never rejects. */
  async #commit(): Promise<void> {
    const { clock, logger, group, topic } = this.#options;
    while (this.#news.size > 0) {
      const offsets = [...this.#news.values()];
      this.#news.clear();
      try {
        await this.#membership.commit(offsets);
      } catch (thrown) {
        const { code, message } = ThroughlineError.from(thrown);
        if (this.#stop.signal.aborted || code === 'CLOSED' || code === 'GROUP_MEMBER_FENCED') return;
        logger.warn({ group, topic, code, reason: message }, 'a mapping could not commit; trying again');
        // A topic that is gone takes its offsets with it.
        if (code === 'UNKNOWN_TOPIC') continue;
        for (const offset of offsets) if (!this.#news.has(offset.partition)) this.#news.set(offset.partition, offset);
        await delayOrAbort(clock, retryDelayMs, this.#stop.signal);
      }
    }
  }
}

function noteOf(metadata: string | null | undefined): CommitNote | undefined {
  const [isNote, topicId = '', partitionCount, receipts] =
    /^topic=(\S+) of=(\d+)(?: receipts=(\d+))?$/.exec(metadata ?? '') ?? [];
  if (isNote === undefined) return undefined;
  const receiptsFrom = receipts === undefined ? undefined : BigInt(receipts);
  return { topicId, partitionCount: Number(partitionCount), receiptsFrom };
}
