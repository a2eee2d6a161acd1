// The last batches of one partition, decoded once for all tails that follow it: gateway, supervisor and pipelines all
// read the same new events within the same millisecond. A batch never changes, so what is kept can only be old, not wrong.
import type { LogRecord } from '@throughline/event';
import { decodeRecordBatch } from '@throughline/wire';

export class SharedBatches {
  readonly #place: { readonly topic: string; readonly partition: number };
  readonly #countMax: number;
  readonly #byBaseOffset = new Map<bigint, readonly LogRecord[]>();

  /** `countMax`: batches kept at most. */
  constructor(topic: string, partition: number, countMax: number) {
    this.#place = { topic, partition };
    this.#countMax = countMax;
  }

  /**
   * Adds the records at or after `fromOffset` of the batch at `position` to `records`; they may be the very objects that
   * another tail has got.
   *
   * @throws ThroughlineError as decodeRecordBatch
   */
  decode(batches: Uint8Array, position: number, baseOffset: bigint, fromOffset: bigint, records: LogRecord[]): void {
    let known = this.#byBaseOffset.get(baseOffset);
    if (known === undefined) {
      const decoded: LogRecord[] = [];
      decodeRecordBatch(batches, position, this.#place, decoded);
      known = decoded;
      this.#keep(baseOffset, known);
    }
    for (const record of known) if (record.offset >= fromOffset) records.push(record);
  }

  #keep(baseOffset: bigint, records: readonly LogRecord[]): void {
    this.#byBaseOffset.set(baseOffset, records);
    if (this.#byBaseOffset.size <= this.#countMax) return;
    // A Map keeps the order of insertion, so its first key is the oldest.
    for (const oldest of this.#byBaseOffset.keys()) {
      this.#byBaseOffset.delete(oldest);
      break;
    }
  }
}
