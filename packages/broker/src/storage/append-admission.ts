// Letting a batch in: is it well-formed, is it new, is it the next one of its producer? All of that is decided in the call,
// in the order of the calls, while the batches before it may still wait for the disk.
import type { Clock } from '@throughline/event';
import { isAppendTime, lastOffsetOf, type RecordBatchHeader } from '@throughline/wire';
import type { AppendedBatch } from '../ground/appended-batch.ts';
import { isPending, type KeptBatch, type KnownProducer, type PendingBatch } from '../producers/known-producer.ts';
import type { ProducerStates } from '../producers/producer-states.ts';
import type { TopicConfig } from '../ground/topic-config.ts';
import { checkBatch, stampAppendTime } from './batch-check.ts';

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly producers: ProducerStates;
  readonly logStartOffset: () => bigint;
}

/** A batch that may be appended. */
export interface AdmittedBatch {
  readonly header: RecordBatchHeader;
  /** Of an idempotent batch: it is to be told what becomes of it. */
  readonly producer: KnownProducer | undefined;
}

/** A batch that is there already, or on its way: its answer. */
export interface DuplicateBatch {
  readonly duplicate: Promise<AppendedBatch>;
}

export class AppendAdmission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Checks a batch; where the topic has LogAppendTime it gets its time.
   *
   * @throws ThroughlineError INVALID_RECORD, INVALID_TIMESTAMP, CORRUPT_RECORD, RECORD_TOO_LARGE,
   *   OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH
   */
  admit(batch: Uint8Array, config: TopicConfig): AdmittedBatch | DuplicateBatch {
    const { clock, producers } = this.#options;
    const nowMs = clock.nowMs();
    const header = checkBatch(batch, config, nowMs);
    const producer = producers.producerOf(header, nowMs);
    const duplicate = producer?.duplicateOf(header);
    if (duplicate !== undefined) return { duplicate: this.#answerAgain(duplicate) };
    producer?.checkNext(header);
    const isStamped = config.timestampType === 'LogAppendTime';
    return { header: isStamped ? stampAppendTime(batch, header, nowMs) : header, producer };
  }

  /** What the caller is told of a batch that has been kept. */
  answer(header: RecordBatchHeader): AppendedBatch {
    return {
      baseOffset: header.baseOffset,
      lastOffset: lastOffsetOf(header),
      logAppendTimeMs: isAppendTime(header.attributes) ? header.maxTimestampMs : -1,
      logStartOffset: this.#options.logStartOffset(),
      isDuplicate: false,
    };
  }

  /** As the first one was answered, and no sooner. */
  async #answerAgain(batch: PendingBatch | KeptBatch): Promise<AppendedBatch> {
    if (isPending(batch)) {
      const logAppendTimeMs = batch.header.maxTimestampMs;
      return { ...(await batch.appended), logAppendTimeMs, isDuplicate: true };
    }
    const { lastOffset, offsetDelta, timestampMs } = batch;
    return {
      baseOffset: lastOffset - BigInt(offsetDelta),
      lastOffset,
      logAppendTimeMs: timestampMs,
      logStartOffset: this.#options.logStartOffset(),
      isDuplicate: true,
    };
  }
}
