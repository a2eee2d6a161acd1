// The idempotent producer (KIP-98) of one log: each batch is on the log once, in order, however often it had to be sent.
//
//   * A partition has one batch under way. The next one waits for its answer, so nothing can overtake anything, and a
//     sequence is spent only when its batch is known to be kept.
//   * A try that got no answer is followed by another with the very same bytes; the leader knows the sequence and answers
//     with the offset of the first.
//   * A batch that is given up without an answer may still be kept. Its appends fail with `details.outcome: 'unknown'`, and
//     the partition goes on under a new producer id, so that the sequence has no hole.
import { delay, ThroughlineError, valueUnlessFailed } from '@throughline/event';
import { readRecordCount, sequenceAfter, setProducer, type KafkaErrorName } from '@throughline/wire';
import { initProducerIdApi } from '@throughline/wire/apis';
import type { AppendedAt, BatchTarget } from '../port/append-coalescer.ts';
import type { KafkaLogLimits } from '../defaults.ts';
import type { Cluster } from './cluster.ts';
import { failureOf, isPassing, saysStaleMetadata } from '../port/failures.ts';
import { ProduceSender, type ProduceAnswer } from './produce-sender.ts';
import { retryPauseMs, type RetryContext } from '../port/retry.ts';

export interface ProducerOptions {
  readonly cluster: Cluster;
  readonly limits: KafkaLogLimits;
  readonly retry: RetryContext;
}

/** By which a leader knows who sends a batch, and with the sequence whether it has it already. */
interface ProducerIdentity {
  readonly id: bigint;
  readonly epoch: number;
}

export class Producer {
  readonly #options: ProducerOptions;
  readonly #senders = new Map<number, ProduceSender>();
  #identity: Promise<ProducerIdentity> | undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  /** Where the batches of a partition go; whoever appends waits for the answer before the next one. */
  partition(topic: string, partition: number): BatchTarget {
    return new ProducerPartition(this.#options, this, topic, partition);
  }

  sender(broker: number): ProduceSender {
    let sender = this.#senders.get(broker);
    if (sender === undefined) {
      sender = new ProduceSender(this.#options.cluster, broker, this.#options.limits);
      this.#senders.set(broker, sender);
    }
    return sender;
  }

  /** The producer id that partitions begin with; another one than `discarded`, when that is given. */
  async identity(discarded?: ProducerIdentity): Promise<ProducerIdentity> {
    // Whoever asked before was told why it failed; it is asked again.
    const held = await valueUnlessFailed(this.#identity);
    if (held !== undefined && held !== discarded) return held;
    const asking = this.#askIdentity();
    this.#identity = asking;
    return asking;
  }

  async #askIdentity(): Promise<ProducerIdentity> {
    const { errorCode, producerId, producerEpoch } = await this.#options.cluster.requestAny(initProducerIdApi, {
      transactionalId: null,
      transactionTimeoutMs: this.#options.limits.requestMs,
    });
    if (errorCode !== 'NONE') throw failureOf(errorCode, 'a producer id');
    return { id: producerId, epoch: producerEpoch };
  }
}

/** Codes by which a leader says that it does not know how far this producer is: its state is gone, the batch is not kept. */
const lostState: ReadonlySet<KafkaErrorName> = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
]);

class ProducerPartition implements BatchTarget {
  readonly topic: string;
  readonly partition: number;
  readonly #options: ProducerOptions;
  readonly #producer: Producer;
  #identity: ProducerIdentity | undefined;
  #discarded: ProducerIdentity | undefined;
  #sequence = 0;

  constructor(options: ProducerOptions, producer: Producer, topic: string, partition: number) {
    this.#options = options;
    this.#producer = producer;
    this.topic = topic;
    this.partition = partition;
  }

  async append(batch: Uint8Array): Promise<AppendedAt> {
    const { retry, limits } = this.#options;
    const { clock, logger } = retry;
    const endMs = clock.monotonicMs() + limits.deliveryMs;
    /** Whether a try is without an answer, so that the batch may be kept already. */
    const state = { isUncertain: false };
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#try(batch, state);
      } catch (error) {
        const pauseMs = retryPauseMs(retry, attempt);
        if (!isPassing(error) || clock.monotonicMs() + pauseMs > endMs) throw this.#givenUp(error, state.isUncertain);
        const { topic, partition } = this;
        if (attempt === 1) logger.warn({ topic, partition, reason: reasonOf(error) }, 'an append is tried again');
        await delay(clock, pauseMs);
      }
    }
  }

  async #try(batch: Uint8Array, state: { isUncertain: boolean }): Promise<AppendedAt> {
    const { topic, partition } = this;
    const { cluster } = this.#options;
    const { metadata, leader } = await cluster.leaderOf(topic, partition);
    if (this.#identity === undefined) {
      this.#identity = await this.#producer.identity(this.#discarded);
      this.#sequence = 0;
    }
    setProducer(batch, 0, batch.length, this.#identity, this.#sequence);
    let answer: ProduceAnswer;
    const before = state.isUncertain;
    state.isUncertain = true;
    try {
      answer = await this.#producer.sender(leader).send(metadata, partition, batch);
    } catch (error) {
      // Whoever led it may be gone for good.
      cluster.forget(topic);
      throw error;
    }
    const { errorCode, baseOffset, logAppendTimeMs } = answer;
    if (errorCode === 'NONE') {
      this.#sequence = sequenceAfter(this.#sequence, readRecordCount(batch, 0));
      return logAppendTimeMs < 0n ? { baseOffset } : { baseOffset, appendTimeMs: Number(logAppendTimeMs) };
    }
    state.isUncertain = mayBeKept(errorCode) || (before && !lostState.has(errorCode));
    if (lostState.has(errorCode)) this.#renew(errorCode);
    throw await this.#failure(answer);
  }

  /** What an answer means; LOG_UNREACHABLE when another try may help. */
  async #failure({ errorCode, errorMessage }: ProduceAnswer): Promise<ThroughlineError> {
    const { topic, partition } = this;
    const { cluster } = this.#options;
    const what = `append to ${topic}-${partition}`;
    const failure = failureOf(errorCode, what, errorMessage, { topic, partition });
    if (lostState.has(errorCode) || errorCode === 'CORRUPT_MESSAGE') return passing(failure);
    // Kafka's storage error is tried again, because another replica may lead by then; ours names what it is.
    const isFinal = failure.code === 'OUT_OF_DISK' || errorMessage?.includes(failure.code) === true;
    if (!saysStaleMetadata(errorCode) || isFinal) return failure;
    const { topicId } = cluster.known(topic) ?? {};
    cluster.forget(topic);
    try {
      const found = await cluster.look(topic);
      // A broker that has not heard of a new topic, or of a new leader, will. A new incarnation knows none of our sequences.
      if (topicId !== undefined && found.topicId !== topicId) this.#renew(errorCode);
      return found.partitions[partition] === undefined ? failure : passing(failure);
    } catch (error) {
      return ThroughlineError.from(error);
    }
  }

  #renew(errorCode: KafkaErrorName): void {
    const { topic, partition } = this;
    this.#options.retry.logger.warn(
      { topic, partition, kafkaError: errorCode },
      'the partition goes on under a new producer id',
    );
    this.#discarded = this.#identity;
    this.#identity = undefined;
  }

  #givenUp(error: unknown, isUncertain: boolean): ThroughlineError {
    const last = ThroughlineError.from(error);
    const failure = ThroughlineError.is(last.cause, 'PARTITION_OFFLINE') ? last.cause : last;
    if (!isUncertain) return failure;
    this.#discarded = this.#identity;
    this.#identity = undefined;
    return new ThroughlineError(failure.code, failure.message, {
      cause: failure,
      details: { ...failure.details, outcome: 'unknown' },
    });
  }
}

/** Codes after which the leader itself may have kept the batch. */
function mayBeKept(errorCode: KafkaErrorName): boolean {
  return errorCode === 'REQUEST_TIMED_OUT' || errorCode === 'NOT_ENOUGH_REPLICAS_AFTER_APPEND';
}

function passing(failure: ThroughlineError): ThroughlineError {
  return new ThroughlineError('LOG_UNREACHABLE', failure.message, { cause: failure, details: failure.details });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
