// The consumer group of one function: its members are the supervisors that know the function, and share the partitions of
// the topic. A group that cannot be joined (a foreign member speaks another protocol, or the cluster does not allow it)
// assigns nothing, says why, and is joined again and again: whoever puts it right need not start anything anew. Only where a
// newer member has taken this one's name the older keeps out: of two that think themselves one, one has to go.
import { ThroughlineError, type Clock, type Logger, type Timer } from '@throughline/event';
import { SharedAssignment, type Assignment } from '@throughline/fold';
import type { JoinRequest, Log } from '@throughline/log';
import { functionGroupPrefix, groupRetryMs } from '../defaults.ts';

/** What a supervisor is as a member of its groups: as in `Log.join`. */
export type MemberOptions = Pick<JoinRequest, 'instanceId' | 'heartbeatMs' | 'sessionTimeoutMs'>;

export interface FunctionGroupOptions {
  readonly log: Log;
  readonly topic: string;
  readonly functionName: string;
  readonly member: MemberOptions;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class FunctionGroup implements Assignment {
  readonly #options: FunctionGroupOptions;
  readonly #listeners = new Set<() => void>();
  #assignment: SharedAssignment;
  #retry: Timer | undefined;
  #isClosed = false;
  /** Why nobody assigns at the moment. */
  problem: ThroughlineError | undefined;

  constructor(options: FunctionGroupOptions) {
    this.#options = options;
    this.#assignment = this.#join();
  }

  /** Whether the group has not said yet what this member has. */
  get isJoining(): boolean {
    return !this.#assignment.hasAnswer;
  }

  partitions(partitionCount: number): readonly number[] {
    if (this.#isClosed || this.problem !== undefined) return [];
    try {
      return this.#assignment.partitions(partitionCount);
    } catch (thrown) {
      this.problem = ThroughlineError.from(thrown);
      const { code } = this.problem;
      if (code !== 'GROUP_MEMBER_FENCED' && code !== 'CLOSED')
        this.#retry = this.#options.clock.after(groupRetryMs, () => (this.#assignment = this.#join()));
      return [];
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  settled(partitions: readonly number[]): void {
    this.#assignment.settled(partitions);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    await this.#assignment.close();
  }

  #join(): SharedAssignment {
    const { log, topic, functionName, member, logger } = this.#options;
    const group = `${functionGroupPrefix}${functionName}`;
    const assignment = new SharedAssignment({ log, topic, group, logger, ...member });
    assignment.onChange(() => {
      // If there still is one, it is met with the next question.
      this.problem = undefined;
      for (const listener of this.#listeners) listener();
    });
    return assignment;
  }
}
