// Partitions shared with the other members of a consumer group (Log.join, over Kafka's own groups). A partition that is
// revoked is released only when its consumer has come to an end with it, so that no two healthy members work on one
// partition; what a member that was taken for gone still writes is fenced off by the store. Each member keeps the offsets
// of its own state: the group says who reads, never from where.
import { silentLogger, ThroughlineError, type Logger } from '@throughline/event';
import type { AssignmentChange, GroupMembership, JoinRequest, Log } from '@throughline/log';
import type { Assignment } from './assignment.ts';

export interface SharedAssignmentOptions extends Omit<JoinRequest, 'topics' | 'signal'> {
  readonly log: Log;
  readonly topic: string;
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
  #problem: ThroughlineError | undefined;
  readonly #running: Promise<void>;

  constructor(options: SharedAssignmentOptions) {
    const { log, topic, logger: _logger, ...request } = options;
    this.#options = options;
    this.#membership = log.join({ ...request, topics: [topic] });
    this.#running = this.#run();
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
    for (const partition of ended) this.#revoked.delete(partition);
    this.#membership.release(ended.map((partition) => ({ topic, partition })));
  }

  /** Leaves the group: others have the partitions at once. */
  async close(): Promise<void> {
    await this.#membership.close();
    await this.#running;
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
    for (const { partition } of partitions) {
      if (kind === 'assigned') this.#held.add(partition);
      else this.#held.delete(partition);
      if (kind === 'revoked') this.#revoked.add(partition);
      else this.#revoked.delete(partition);
    }
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
