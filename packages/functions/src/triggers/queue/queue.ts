// The trigger `queue`: a function is called with the messages of a queue, as Amazon SQS and its event source mapping do it. A queue
// is a topic, `queue.<name>`; who sends to it is any Kafka client, or `POST /v1/topics/queue.<name>/records`.
//
//   partitions ─► visible ─► batch ─► receipt ─► Invoker ─┬─ deleted
//                    ▲                                    └─ hidden ──visibility time-out──┐
//                    ├─────────────────────────────────────────────────────────────────────┘
//                    └─ received maxReceiveCount times ─► dead letter queue ─► deleted
//
// At least once. There is no order: a message that fails holds nothing up. It comes twice where a server dies, or loses the partition,
// between the answer of the function and the deletion. What it has in common with mappings of topics (groups, reading, dead
// letters) is theirs; decision 0117 has the reasons.
import { delayOrAbort, ThroughlineError, type Timer } from '@throughline/event';
import { mappingDefaults, mappingLimits, pressureRetryMsMax, queueLimits } from '../../defaults.ts';
import type { Settlement } from '../../invoker/invocation-contract.ts';
import { newRequestId } from '../../invoker/request-id.ts';
import { makeTopic } from '../make-topic.ts';
import { failureOf, isPressure, namedFailures, type BatchFailure } from '../mapping/batch-outcome.ts';
import { Mapping } from '../mapping/mapping.ts';
import { namedUuid } from '../named-uuid.ts';
import type { RunningTrigger, TriggeredFunction, TriggerKind, TriggerServices, TriggerStatus } from '../trigger.ts';
import { queueGroup, queueTopic, readQueue, type QueueConfig } from './queue-config.ts';
import { compileQueueFilters, messageIdOf, messageJson } from './queue-event.ts';
import { QueueWork, type Message } from './queue-work.ts';
import { Receipts } from './receipts.ts';

export const queueKind: TriggerKind<QueueConfig> = {
  type: 'queue',
  read: readQueue,
  start: (config, target, services) => new RunningQueue(config, target, services),
};

const nobodyListens = { write: (): void => {} };
const eventBytesMax = mappingLimits.eventBytesMax - 1024;

export class RunningQueue implements RunningTrigger {
  readonly #config: QueueConfig;
  readonly #target: TriggeredFunction;
  readonly #services: TriggerServices;
  readonly #matches: ReturnType<typeof compileQueueFilters>;
  readonly #mapping: Mapping;
  readonly #stop = new AbortController();
  readonly #made: Promise<void>;
  #visible: Message[] = [];
  #runningCount = 0;
  #window: Timer | undefined;
  #isWindowOver = false;
  #pressure: BatchFailure | undefined;

  constructor(config: QueueConfig, target: TriggeredFunction, services: TriggerServices) {
    const { queue, redrive } = config;
    this.#config = config;
    this.#target = target;
    this.#services = services;
    this.#matches = compileQueueFilters(config.filters);
    const group = queueGroup(target.name, config);
    const receipts = new Receipts(services.log, services.logger);
    const { streamWindowMs: _, ...defaults } = mappingDefaults;
    this.#mapping = new Mapping({
      uuid: namedUuid(`${target.name}\n${group}`),
      group,
      config: {
        ...defaults,
        type: 'kafka',
        topic: queueTopic(queue),
        enabled: config.enabled,
        batchSize: config.batchSize,
        bisectBatchOnFunctionError: false,
        reportBatchItemFailures: false,
        filters: [],
        ...(redrive === undefined ? {} : { onFailure: `kafka://${queueTopic(redrive.deadLetterQueue)}` }),
      },
      target,
      services,
      work: ({ partition, topicId, receiptsFrom }, lane) =>
        new QueueWork({
          place: { group, topicId, partition },
          receiptsFrom,
          receipts,
          visibilityTimeoutMs: config.visibilityTimeoutMs,
          lane,
          clock: services.clock,
          logger: services.logger,
          onVisible: (messages) => this.#onVisible(messages),
        }),
    });
    this.#made = makeTopic(queueTopic(queue), { partitions: queueLimits.partitionCount }, services, this.#stop.signal);
  }

  status(): TriggerStatus {
    const failure = this.#pressure;
    const pressure = failure === undefined ? undefined : { code: failure.errorCode, message: failure.errorMessage };
    const { problem = pressure } = this.#mapping.status();
    const { type, queue } = this.#config;
    return { type, functionName: this.#target.name, source: queue, ...(problem === undefined ? {} : { problem }) };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#window?.cancel();
    await this.#made;
    await this.#mapping.close();
  }

  #onVisible(messages: readonly Message[]): void {
    for (const message of messages) this.#visible.push(message);
    this.#pump();
  }

  get #concurrencyMax(): number {
    const { environmentsMax, invocationsPerEnvironment } = this.#target.invoker.config;
    return this.#config.maximumConcurrency ?? environmentsMax * invocationsPerEnvironment;
  }

  /** Hands out as many batches as may be under way at once. */
  #pump(): void {
    const { batchSize, batchWindowMs } = this.#config;
    while (this.#runningCount < this.#concurrencyMax && this.#visible.length > 0 && !this.#stop.signal.aborted) {
      if (batchWindowMs > 0 && this.#visible.length < batchSize && !this.#isWindowOver) return this.#waitForMore();
      this.#window?.cancel();
      this.#window = undefined;
      this.#isWindowOver = false;
      const batch = this.#visible.splice(0, batchSize).filter(({ work }) => !work.isStopped);
      if (batch.length > 0) void this.#handOut(batch);
    }
  }

  #waitForMore(): void {
    this.#window ??= this.#services.clock.after(this.#config.batchWindowMs, () => {
      this.#window = undefined;
      this.#isWindowOver = true;
      this.#pump();
    });
  }

  /** Never rejects. */
  async #handOut(batch: readonly Message[]): Promise<void> {
    this.#runningCount++;
    const works = new Set(batch.map(({ work }) => work));
    for (const work of works) work.hold();
    try {
      await this.#work(await this.#sorted(batch));
    } catch (thrown) {
      // Whatever it is, the messages come again.
      const error = ThroughlineError.from(thrown);
      this.#services.logger.error({ queue: this.#config.queue, ...error.toJSON() }, 'a batch of a queue has failed');
      for (const work of works) work.hide(of(batch, work), this.#services.clock.nowMs());
    } finally {
      for (const work of works) work.release();
      this.#runningCount--;
      this.#pump();
    }
  }

  /** Takes out what the function does not get: what it filters out, and what was received too often. */
  async #sorted(batch: readonly Message[]): Promise<readonly Message[]> {
    const { maxReceiveCount = Infinity } = this.#config.redrive ?? {};
    const matches = this.#matches;
    const unwanted = batch.filter(({ entry }) => matches?.(entry.record) === false);
    const tooOften = batch.filter((message) => !unwanted.includes(message) && message.received >= maxReceiveCount);
    await each(unwanted, (work, messages) => work.deleted(messages));
    await each(tooOften, (work, messages) => work.giveUp(messages, 'ReceiveCountExceeded'));
    if (unwanted.length + tooOften.length === 0) return batch;
    const gone = new Set([...unwanted, ...tooOften]);
    return batch.filter((message) => !gone.has(message));
  }

  async #work(batch: readonly Message[]): Promise<void> {
    const { clock } = this.#services;
    const receivedMs = clock.nowMs();
    const ours: Message[] = [];
    await each(batch, async (work, messages) => {
      if (await work.received(messages)) ours.push(...messages);
    });
    for (const part of await this.#cut(ours)) {
      const settlement = await this.#call(part.messages, part.event);
      if (settlement === undefined) continue;
      const failed = this.#failedOf(part.messages, settlement);
      const done = part.messages.filter((message) => !failed.has(message));
      await each(done, (work, messages) => work.deleted(messages));
      for (const [message, failure] of failed) message.failure = failure;
      await each([...failed.keys()], async (work, messages) => work.hide(messages, receivedMs));
    }
  }

  /** The events of a batch: one, where it is not larger than an event may be. */
  async #cut(batch: readonly Message[]): Promise<readonly { messages: Message[]; event: string }[]> {
    const { queue } = this.#config;
    const parts: { messages: Message[]; texts: string[]; bytes: number }[] = [];
    const tooLarge: Message[] = [];
    for (const message of batch) {
      const { work, entry, received, firstMs } = message;
      const text = messageJson(queue, work.topicId, entry.record, { count: received, firstMs });
      const bytes = Buffer.byteLength(text) + 1;
      const last = parts.at(-1);
      if (bytes > eventBytesMax) tooLarge.push(message);
      else if (last === undefined || last.bytes + bytes > eventBytesMax)
        parts.push({ messages: [message], texts: [text], bytes });
      else {
        last.messages.push(message);
        last.texts.push(text);
        last.bytes += bytes;
      }
    }
    await each(tooLarge, (work, messages) => work.giveUp(messages, 'RecordTooLarge'));
    return parts.map(({ messages, texts }) => ({ messages, event: `{"Records":[${texts.join(',')}]}` }));
  }

  /** Calls the function, as often as it takes until it was called. @returns undefined when it was stopped before */
  async #call(messages: readonly Message[], event: string): Promise<Settlement | undefined> {
    const { clock, random } = this.#services;
    const signals = [...new Set(messages.map(({ work }) => work))].map(({ cancelled }) => cancelled);
    // It goes on while one of its partitions is still ours.
    const cancel = new AbortController();
    const onCancel = (): void => {
      if (signals.every(({ aborted }) => aborted)) cancel.abort();
    };
    for (const signal of signals) signal.addEventListener('abort', onCancel, { once: true });
    onCancel();
    try {
      for (;;) {
        const request = { requestId: newRequestId(random), event };
        const settlement = await this.#target.invoker.invoke(request, nobodyListens, cancel.signal);
        if (settlement.error === undefined || !isPressure(settlement.error)) {
          this.#pressure = undefined;
          return settlement;
        }
        this.#pressure = failureOf(settlement.error);
        if (this.#stop.signal.aborted || cancel.signal.aborted) return undefined;
        await delayOrAbort(clock, pressureRetryMsMax, AbortSignal.any([this.#stop.signal, cancel.signal]));
      }
    } finally {
      for (const signal of signals) signal.removeEventListener('abort', onCancel);
    }
  }

  /** The messages that come again, each with its reason. */
  #failedOf(messages: readonly Message[], { error, value }: Settlement): Map<Message, BatchFailure> {
    const all = (failure: BatchFailure): Map<Message, BatchFailure> =>
      new Map(messages.map((message) => [message, failure]));
    if (error !== undefined) return all(failureOf(error));
    if (!this.#config.reportBatchItemFailures || value === undefined || value === '') return new Map();
    const named = namedFailures(value);
    const malformed = (errorMessage: string): Map<Message, BatchFailure> =>
      all({ errorCode: 'FUNCTION_OUTPUT_INVALID', errorType: 'MalformedResponse', errorMessage });
    if (named === undefined) return malformed('the answer is no { batchItemFailures: [{ itemIdentifier }] }');
    const byId = new Map(messages.map((message) => [messageIdOf(message.work.topicId, message.entry.record), message]));
    const failed = new Map<Message, BatchFailure>();
    for (const item of named) {
      const id = typeof item === 'object' && item !== null ? (item as { itemIdentifier?: unknown }).itemIdentifier : '';
      const message = typeof id === 'string' ? byId.get(id) : undefined;
      // As on AWS: an answer that cannot be understood has deleted nothing.
      if (message === undefined) return malformed(`the answer names ${JSON.stringify(id)}, which is not in the batch`);
      const errorMessage = 'the function named this message in batchItemFailures';
      failed.set(message, { errorCode: 'FUNCTION_ERROR', errorType: 'BatchItemFailure', errorMessage });
    }
    return failed;
  }
}

/** Does something with the messages of each partition. */
async function each(
  messages: readonly Message[],
  action: (work: QueueWork, messages: readonly Message[]) => Promise<void>,
): Promise<void> {
  const works = [...new Set(messages.map(({ work }) => work))];
  await Promise.all(works.map((work) => action(work, of(messages, work))));
}

function of(messages: readonly Message[], work: QueueWork): readonly Message[] {
  return messages.filter((message) => message.work === work);
}
