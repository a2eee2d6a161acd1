// A log as the workload uses it: behind it stand the storage core, our broker over a network in memory or over TCP, or any
// Kafka. Offsets are numbers, as in a history.
import type { Membership, SeenRecord } from '../checker/history.ts';

/** What became of one batch of a send. */
export type SendResult =
  | { readonly outcome: 'ok'; readonly baseOffset: number }
  | { readonly outcome: 'fail' | 'info'; readonly note: string };

export interface ProducerPort {
  /** Sends the batches one after the other, each before the one in front of it is answered. Never rejects. */
  send(partition: number, batches: readonly (readonly number[])[]): Promise<readonly SendResult[]>;
  close(): void;
}

export interface ConsumerPort {
  /**
   * Records from the offset of each partition on; none when nothing came in time. Moves a position over damage that the log
   * reports. Rejects when it cannot be known.
   */
  poll(positions: Map<number, number>): Promise<readonly SeenRecord[]>;
  /** Where each partition ends now. */
  ends(partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  close(): void;
}

export interface MemberPort extends ConsumerPort {
  /** Joins the group, or joins again in a new generation. */
  join(): Promise<Membership>;
  /** False when the member has to join again. */
  heartbeat(): Promise<boolean>;
  /** Rejects with a Rejection when it certainly did not happen. */
  commit(generation: number, offsets: ReadonlyMap<number, number>): Promise<void>;
  /** The committed offsets, -1 for none. */
  committed(partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
}

export interface LogPort {
  producer(): Promise<ProducerPort>;
  consumer(): Promise<ConsumerPort>;
  /** Absent where the log knows no groups. */
  readonly member?: (group: string) => Promise<MemberPort>;
}

/** It certainly did not happen. Any other error leaves that open. */
export class Rejection extends Error {}
