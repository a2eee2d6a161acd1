// Partitions shared with the other members of a consumer group (Log.join, over Kafka's own groups). A partition that is
// revoked is released only when its consumer has come to an end with it, so that no two healthy members work on one
// partition; what a member that was taken for gone still writes is fenced off by the store. Each member keeps the offsets
// of its own state: the group says who reads, never from where.
//
// How far it has come is committed to the group all the same, now and then, so that every tool that knows Kafka's groups shows
// its lag. Nothing starts from these figures, and one that cannot be committed costs no more than a line in the log.
import {
  delayOrAbort,
  silentLogger,
  systemClock,
  ThroughlineError,
  type Clock,
  type Logger,
  type Timer,
} from '@throughline/event';
import type { AssignmentChange, GroupMembership, GroupOffset, JoinRequest, Log } from '@throughline/log';
import { defaults } from '../defaults.ts';
import type { Assignment } from './assignment.ts';

export interface SharedAssignmentOptions extends Omit<JoinRequest, 'topics' | 'signal'> {
  readonly log: Log;
  readonly topic: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/**
 * Joins `group`; nothing is assigned before the group has answered. Close it after the consumer that reads by it.
 *
 * @example const assignment = new SharedAssignment({ log, topic: 'notes', group: 'index' }); fold({ …, assignment })
 */
export class SharedAssignment implements Assignment {
  readonly #options: SharedAssignmentOptions;
  readonly #membership: GroupMembership;
  readonly #listeners = new Set<() => void>();
  readonly #held = new Set<number>();
  /** To be released when the work on them has ended. */
  readonly #revoked = new Set<number>();
  readonly #clock: Clock;
  #problem: ThroughlineError | undefined;
  readonly #running: Promise<void>;
  /** The place of the consumer that reads by this: its own arrays. */
  #offsets: readonly bigint[] = [];
  #lastEpochs: readonly number[] = [];
  /** By partition: the offset committed last, since it was assigned. */
  readonly #committed = new Map<number, bigint>();
  #timer: Timer | undefined;
  /** A commit is under way, or waits for its time. */
  #isCommitting = false;
  #isClosing = false;
  #hasAnswer = false;

  constructor(options: SharedAssignmentOptions) {
    const { log, topic, clock = systemClock, logger: _logger, ...request } = options;
    this.#options = options;
    this.#clock = clock;
    this.#membership = log.join({ ...request, topics: [topic] });
    this.#running = this.#run();
  }

  /** Whether the group has said yet what this member has, be it nothing. */
  get hasAnswer(): boolean {
    return this.#hasAnswer;
  }

  partitions(partitionCount: number): readonly number[] {
    if (this.#problem !== undefined) throw this.#problem;
    // One that was added may be assigned before its consumer has seen it; it asks again when it has.
    return [...this.#held].filter((partition) => partition < partitionCount).toSorted((a, b) => a - b);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  settled(partitions: readonly number[]): void {
    const { topic } = this.#options;
    // What was revoked while the consumer took its partitions over is still worked on; it is asked again.
    const ended = [...this.#revoked].filter((partition) => !partitions.includes(partition));
    if (ended.length === 0) return;
    // The last word on them; it is not waited for.
    void this.#commit(ended);
    for (const partition of ended) this.#revoked.delete(partition);
    this.#membership.release(ended.map((partition) => ({ topic, partition })));
  }

  advanced(offsets: readonly bigint[], lastEpochs: readonly number[]): void {
    this.#offsets = offsets;
    this.#lastEpochs = lastEpochs;
    this.#commitLater();
  }

  /** Leaves the group: others have the partitions at once. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#timer?.cancel();
    const isCommitted = new AbortController();
    void this.#commit([...this.#held]).finally(() => isCommitted.abort());
    await delayOrAbort(this.#clock, defaults.advisoryCloseWaitMs, isCommitted.signal);
    await this.#membership.close();
    await this.#running;
  }

  #commitLater(): void {
    if (this.#isCommitting || this.#isClosing || this.#news([...this.#held]).length === 0) return;
    this.#isCommitting = true;
    this.#timer = this.#clock.after(defaults.advisoryCommitMs, () => {
      void this.#commit([...this.#held]).finally(() => {
        this.#isCommitting = false;
        this.#commitLater();
      });
    });
  }

  /** What tools have not been told yet. */
  #news(partitions: readonly number[]): GroupOffset[] {
    const { topic } = this.#options;
    return partitions.flatMap((partition) => {
      const offset = this.#offsets[partition];
      if (offset === undefined || offset === this.#committed.get(partition)) return [];
      return [{ topic, partition, offset, leaderEpoch: this.#lastEpochs[partition] ?? -1 }];
    });
  }

  /** Never rejects. */
  async #commit(partitions: readonly number[]): Promise<void> {
    const { group, topic, logger = silentLogger } = this.#options;
    const offsets = this.#news(partitions);
    if (offsets.length === 0) return;
    try {
      await this.#membership.commit(offsets);
      for (const { partition, offset } of offsets) this.#committed.set(partition, offset);
    } catch (thrown) {
      const { code, message } = ThroughlineError.from(thrown);
      logger.warn({ group, topic, code, reason: message }, 'tools are not told how far a member of a group has come');
    }
  }

  async #run(): Promise<void> {
    try {
      for await (const change of this.#membership) this.#take(change);
      this.#problem = new ThroughlineError('CLOSED', `the membership of ${this.#options.group} has ended`);
    } catch (thrown) {
      this.#problem = ThroughlineError.from(thrown);
      const { group, topic, logger = silentLogger } = this.#options;
      logger.error({ group, topic, ...this.#problem.toJSON() }, 'nobody assigns partitions any more');
    }
    this.#held.clear();
    this.#notify();
  }

  #take({ kind, partitions }: AssignmentChange): void {
    this.#hasAnswer = true;
    for (const { partition } of partitions) {
      if (kind === 'assigned') this.#held.add(partition);
      else this.#held.delete(partition);
      if (kind === 'revoked') this.#revoked.add(partition);
      else this.#revoked.delete(partition);
      // Others may have committed since.
      this.#committed.delete(partition);
    }
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
