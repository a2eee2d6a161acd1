// How a member reaches the coordinator of its group: in this process, or on a cluster.
import type { Api, Read } from '@throughline/wire';

export interface GroupChannel {
  /**
   * Asks the coordinator of the group.
   *
   * @throws ThroughlineError LOG_UNREACHABLE when it cannot be reached, or `signal` aborts before it answers
   */
  request<Request, Response>(
    api: Api<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): Promise<Read<Response>>;
  /** Another broker may be the coordinator now: the next request looks for it. */
  forget(): void;
  /** How many partitions each topic has, of those that there are. @throws ThroughlineError LOG_UNREACHABLE */
  partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Nothing is asked any more. */
  close(): Promise<void>;
}
