// All idempotent producers that a partition knows (Kafka's ProducerStateManager). It is a function of the log: it can be
// built again from the heads of the batches, and a snapshot (producer-snapshot.ts) only spares going through all of them.
//
// A producer that has sent nothing for a day (`producer.id.expiration.ms`) is forgotten; what it sends then is taken as from a new one, whatever its
// sequence. Kafka goes by the timestamps of its records for that, so that a copy of old records is unprotected; here it is
// the time of the append, and the timestamps only where that is not known.
import { isControlBatch, isTransactionalBatch, offsetBehind, type RecordBatchHeader } from '@throughline/wire';
import { KnownProducer } from './known-producer.ts';

export interface ProducerLimits {
  /** How long a producer is remembered after its last batch, in milliseconds; it may change (`producer.id.expiration.ms`). */
  readonly producerExpirationMs: number;
  /** Producers remembered per partition, as a count. */
  readonly producerCountMax: number;
}

export class ProducerStates {
  readonly #limits: ProducerLimits;
  readonly #producers = new Map<bigint, KnownProducer>();
  /** While the log is gone through: everything below it is accounted for. */
  endOffset = 0n;

  constructor(limits: ProducerLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#producers.size;
  }

  /** The producers of which something is kept. */
  get known(): readonly KnownProducer[] {
    return Array.from(this.#producers.values()).filter(({ epoch }) => epoch >= 0);
  }

  /** The producer of a batch, a new one where it is not known; undefined for a batch without one. */
  producerOf({ producerId }: RecordBatchHeader, nowMs: number): KnownProducer | undefined {
    if (producerId < 0n) return undefined;
    const known = this.#producers.get(producerId);
    // Those that never come again are forgotten by a timer.
    if (known !== undefined && !this.#isExpired(known, nowMs)) return known;
    this.#producers.delete(producerId);
    return this.#add(producerId, nowMs);
  }

  /** Accounts for a batch found in the log; those that are accounted for already are passed over. */
  replay(header: RecordBatchHeader, nowMs: number): void {
    const { baseOffset, attributes, producerEpoch } = header;
    const nextOffset = offsetBehind(header);
    if (nextOffset <= this.endOffset) return;
    this.endOffset = nextOffset;
    const producer = this.producerOf(header, nowMs);
    if (producer === undefined) return;
    producer.lastSeenMs = nowMs;
    if (isControlBatch(attributes)) {
      producer.beginEpoch(producerEpoch);
      producer.transactionOffset = -1n;
      return;
    }
    producer.note(header);
    if (isTransactionalBatch(attributes) && producer.transactionOffset < 0n) producer.transactionOffset = baseOffset;
  }

  /** Takes a producer of a snapshot over, unless it has expired by then. */
  restore(producer: KnownProducer, nowMs: number): void {
    if (!this.#isExpired(producer, nowMs)) this.#producers.set(producer.id, producer);
  }

  /** Begins again with nothing known, at `endOffset`. */
  reset(endOffset: bigint): void {
    this.#producers.clear();
    this.endOffset = endOffset;
  }

  forgetExpired(nowMs: number): void {
    for (const producer of this.#producers.values()) {
      if (this.#isExpired(producer, nowMs)) this.#producers.delete(producer.id);
    }
  }

  #isExpired(producer: KnownProducer, nowMs: number): boolean {
    if (producer.hasPending || producer.transactionOffset >= 0n) return false;
    return nowMs - producer.lastSeenMs >= this.#limits.producerExpirationMs;
  }

  #add(producerId: bigint, nowMs: number): KnownProducer {
    if (this.#producers.size >= this.#limits.producerCountMax) this.#makeRoom(nowMs);
    const producer = new KnownProducer(producerId, nowMs);
    this.#producers.set(producerId, producer);
    return producer;
  }

  /** Somebody takes a new producer id for every few records. The longest silent go, an eighth at a time. */
  #makeRoom(nowMs: number): void {
    this.forgetExpired(nowMs);
    const countMax = (this.#limits.producerCountMax * 7) / 8;
    if (this.#producers.size <= countMax) return;
    const idle = Array.from(this.#producers.values()).filter((producer) => !producer.hasPending);
    idle.sort((a, b) => a.lastSeenMs - b.lastSeenMs);
    for (const { id } of idle.slice(0, this.#producers.size - Math.floor(countMax))) this.#producers.delete(id);
  }
}
