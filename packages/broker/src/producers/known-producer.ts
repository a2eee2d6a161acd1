// What a partition knows of one idempotent producer (KIP-98; Kafka's ProducerStateEntry and ProducerAppendInfo): its epoch
// and its last five batches. From them follows for each new batch whether it is the next one, one that is there already,
// or out of order.
//
// Batches come faster than the disk takes them, so a batch is checked against those that still wait, too: `kept` is what is
// acknowledged, `pending` what is on its way, in the order of the calls. When one of those is rejected, all behind it are
// rejected with it (decision 0012), and what is left is exactly what was before.
import { assert, ThroughlineError } from '@throughline/event';
import { nextSequence, sequenceAfter, type RecordBatchHeader } from '@throughline/wire';
import type { AppendedBatch } from '../ground/appended-batch.ts';

/** Batches that are remembered: a client has at most as many on their way (max.in.flight.requests.per.connection). */
const rememberedBatchCount = 5;
const noEpoch = -1;
const noSequence = -1;

/** A batch that is in the log. */
export interface KeptBatch {
  readonly lastSequence: number;
  readonly lastOffset: bigint;
  /** Its last offset minus its first, and so with its sequences. */
  readonly offsetDelta: number;
  /** The largest of its records, in milliseconds since 1970. */
  readonly timestampMs: number;
}

/** A batch on its way into the log. */
export interface PendingBatch {
  readonly header: RecordBatchHeader;
  /** Settles when it is kept or rejected. */
  readonly appended: Promise<AppendedBatch>;
}

export class KnownProducer {
  readonly id: bigint;
  /** Of what is kept; -1 while nothing is. */
  #epoch = noEpoch;
  /** Oldest first, all of one epoch. */
  #kept: KeptBatch[] = [];
  #pending: PendingBatch[] = [];
  /** When it last sent something, in milliseconds since 1970. */
  lastSeenMs: number;
  /** Of the last transaction marker; -1 without one. */
  coordinatorEpoch = -1;
  /** Where its open transaction begins; -1 without one. */
  transactionOffset = -1n;

  constructor(id: bigint, lastSeenMs: number) {
    this.id = id;
    this.lastSeenMs = lastSeenMs;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get kept(): readonly KeptBatch[] {
    return this.#kept;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** The batch of this epoch and these sequences, if it is one of the last five. */
  duplicateOf(header: RecordBatchHeader): PendingBatch | KeptBatch | undefined {
    if (header.producerEpoch !== this.#latestEpoch) return undefined;
    const { baseSequence, lastOffsetDelta } = header;
    const last = sequenceAfter(baseSequence, lastOffsetDelta);
    let left = rememberedBatchCount;
    for (let i = this.#pending.length - 1; i >= 0 && left > 0; i--, left--) {
      const pending = this.#pending[i]!;
      if (pending.header.producerEpoch !== header.producerEpoch) return undefined;
      const { header: other } = pending;
      if (other.baseSequence === baseSequence && other.lastOffsetDelta === lastOffsetDelta) return pending;
    }
    if (this.#epoch !== header.producerEpoch) return undefined;
    for (let i = this.#kept.length - 1; i >= 0 && left > 0; i--, left--) {
      const kept = this.#kept[i]!;
      if (kept.lastSequence === last && kept.offsetDelta === lastOffsetDelta) return kept;
    }
    return undefined;
  }

  /**
   * Checks that a batch that is no duplicate is the next one.
   *
   * @throws ThroughlineError INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER
   */
  checkNext({ producerEpoch, baseSequence }: RecordBatchHeader): void {
    const epoch = this.#latestEpoch;
    if (producerEpoch < epoch) {
      throw new ThroughlineError(
        'INVALID_PRODUCER_EPOCH',
        `epoch ${producerEpoch} of producer ${this.id} after ${epoch}`,
        {
          details: { producerId: this.id.toString(), producerEpoch, latestEpoch: epoch },
        },
      );
    }
    // Nothing is known of it: what it has sent may have been deleted since, and any sequence can be the next.
    if (epoch === noEpoch) return;
    const last = producerEpoch === epoch ? this.#latestSequence : noSequence;
    if (baseSequence === nextSequence(last)) return;
    const message = `sequence ${baseSequence} of producer ${this.id}, epoch ${producerEpoch}, where ${nextSequence(last)} is due`;
    throw new ThroughlineError('OUT_OF_ORDER_SEQUENCE_NUMBER', message, {
      details: { producerId: this.id.toString(), producerEpoch, baseSequence, expectedSequence: nextSequence(last) },
    });
  }

  /** Takes note of a batch that has been checked and waits to be written. */
  begin(batch: PendingBatch, nowMs: number): void {
    this.lastSeenMs = nowMs;
    this.#pending.push(batch);
  }

  /** A batch is acknowledged. */
  keep(batch: PendingBatch): void {
    assert(this.#pending[0] === batch, 'batches of a producer are kept in the order of their calls');
    this.#pending.shift();
    this.note(batch.header);
  }

  /** A batch is rejected, and so is what stands behind it. */
  withdraw(batch: PendingBatch): void {
    const at = this.#pending.indexOf(batch);
    if (at >= 0) this.#pending.length = at;
  }

  /** Notes a batch that is in the log, whatever its sequence. */
  note({ producerEpoch, baseSequence, lastOffsetDelta, baseOffset, maxTimestampMs }: RecordBatchHeader): void {
    this.beginEpoch(producerEpoch);
    this.remember({
      lastSequence: sequenceAfter(baseSequence, lastOffsetDelta),
      lastOffset: baseOffset + BigInt(lastOffsetDelta),
      offsetDelta: lastOffsetDelta,
      timestampMs: maxTimestampMs,
    });
  }

  /** What is kept from here on is of this epoch. */
  beginEpoch(epoch: number): void {
    if (epoch !== this.#epoch) this.#kept = [];
    this.#epoch = epoch;
  }

  remember(batch: KeptBatch): void {
    if (this.#kept.length === rememberedBatchCount) this.#kept.shift();
    this.#kept.push(batch);
  }

  get #latestEpoch(): number {
    return this.#pending.at(-1)?.header.producerEpoch ?? this.#epoch;
  }

  get #latestSequence(): number {
    const header = this.#pending.at(-1)?.header;
    if (header !== undefined) return sequenceAfter(header.baseSequence, header.lastOffsetDelta);
    return this.#kept.at(-1)?.lastSequence ?? noSequence;
  }
}

/** Tells what a duplicate is a duplicate of. */
export function isPending(batch: PendingBatch | KeptBatch): batch is PendingBatch {
  return 'appended' in batch;
}
