// Asynchronous invocations: an event is accepted once it is on topic `_throughline.async`, and its function is called when it can be.
//
//   accept ─► log ─► PartitionQueue (fold) ─► due? ─► room? ─► Invoker ─► outcome ─► log ─► PartitionQueue …
//                       ▲
//             consumer group: who has which partition
//
// At least once: an accepted event is called until its outcome is on the log. It comes twice where a server dies, or loses the
// partition, between the end of an invocation and its outcome. There is no order. Nothing is kept but the topic and the group's
// offsets (decision 0111).
import {
  delayOrAbort,
  fromUtf8,
  ThroughlineError,
  utf8,
  type Clock,
  type Logger,
  type Random,
  type Timer,
} from '@throughline/event';
import type { Durability, Log, TopicDescription } from '@throughline/log';
import { asyncBackoffMsMax, asyncCloseMs, asyncGroup, asyncLimits, asyncTopic, retryDelayMs } from '../defaults.ts';
import type { Invoker } from '../invoker/invoker.ts';
import { newRequestId } from '../invoker/request-id.ts';
import { errorPayload } from '../lambda/function-error.ts';
import { arnOf } from '../lambda/function-name.ts';
import { CollectedOutput } from '../lambda/output.ts';
import { MappingGroup } from '../triggers/mapping/mapping-group.ts';
import type { AsyncEvent, TriggerServices } from '../triggers/trigger.ts';
import { asyncConfigOf, type AsyncConfig } from './async-config.ts';
import { acceptedRecord, outcomeRecord, type EventOutcome } from './async-record.ts';
import { delayed, failed, isTooOld, outcomeOf } from './attempt-outcome.ts';
import { invocationRecord, type Response } from './invocation-record.ts';
import { Destinations } from './destinations.ts';
import type { OpenEvent } from './open-events.ts';
import { PartitionQueue } from './partition-queue.ts';

/** A function that can be called asynchronously. */
export interface AsyncFunction {
  readonly invoker: Pick<Invoker, 'invoke' | 'config'>;
  /** What holds at the moment: AWS's API may set it otherwise. */
  readonly config: AsyncConfig;
}

export interface AsyncInvocationsOptions {
  readonly functions: ReadonlyMap<string, AsyncFunction>;
  /** Nothing is called before: what holds for a function may still have to be read. Never rejects. */
  readonly ready?: Promise<void>;
  readonly log: Log;
  /** What an accepted event survives; the log's own default where undefined. */
  readonly durability: Durability | undefined;
  readonly member: TriggerServices['member'];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface AsyncStatus {
  /** Accepted, and not settled, in the partitions that this server has. */
  readonly openCount: number;
  readonly partitions: readonly number[];
  /** Why nothing is called at the moment, where something is wrong. */
  readonly problem?: { readonly code: string; readonly message: string };
}

/** A partition that the group has given to this server. */
interface Held {
  readonly stop: AbortController;
  queue: PartitionQueue | undefined;
  beginning: Promise<void>;
  ending: Promise<void> | undefined;
}

/** The events of one function that are due. */
interface Line {
  readonly due: { readonly queue: PartitionQueue; readonly event: OpenEvent }[];
  runningCount: number;
}

/** What an attempt has led to, and what the function answered. */
interface Attempted {
  readonly outcome: EventOutcome | undefined;
  readonly response?: Response | undefined;
}

const nobodyListens = { write: (): void => {} };
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export class AsyncInvocations {
  readonly #options: AsyncInvocationsOptions;
  readonly #topic: Promise<TopicDescription | undefined>;
  readonly #destinations: Destinations;
  readonly #stop = new AbortController();
  #group: MappingGroup | undefined;
  readonly #held = new Map<number, Held>();
  readonly #lines = new Map<string, Line>();
  readonly #timers = new Set<Timer>();
  /** By partition: attempts whose outcome is not on the log yet. */
  readonly #atWork = new Map<PartitionQueue, Set<Promise<void>>>();
  #problem: ThroughlineError | undefined;

  constructor(options: AsyncInvocationsOptions) {
    this.#options = options;
    this.#destinations = new Destinations({ ...options, accept: (event, hops) => this.#keep(event, hops) });
    this.#topic = this.#start();
  }

  status(): AsyncStatus {
    const queues = this.#queues();
    const problem =
      this.#problem ?? this.#group?.problem ?? queues.find((queue) => queue.problem !== undefined)?.problem;
    return {
      openCount: queues.reduce((sum, { openCount }) => sum + openCount, 0),
      partitions: [...this.#held.keys()].toSorted((a, b) => a - b),
      ...(problem === undefined ? {} : { problem: { code: problem.code, message: problem.message } }),
    };
  }

  /**
   * Resolves once the event is on the log.
   *
   * @returns Lambda's request id of its invocations
   * @throws ThroughlineError UNKNOWN_FUNCTION, BODY_TOO_LARGE, CLOSED, what the log says
   */
  async accept(event: AsyncEvent): Promise<string> {
    if (this.#stop.signal.aborted) throw new ThroughlineError('CLOSED', 'the functions are stopping');
    return this.#keep(event, 0);
  }

  /** @param hops how many destinations have led to it */
  async #keep({ functionName, event, origin, id }: AsyncEvent, hops: number): Promise<string> {
    const { functions, log, random } = this.#options;
    if (!functions.has(functionName))
      throw new ThroughlineError('UNKNOWN_FUNCTION', `there is no function ${functionName}`);
    const body = utf8(event);
    const { payloadBytesMax } = asyncLimits;
    if (body.byteLength > payloadBytesMax) {
      const message = `an asynchronous event must be at most ${payloadBytesMax} bytes, this one has ${body.byteLength}`;
      throw new ThroughlineError('BODY_TOO_LARGE', message);
    }
    const requestId = uuid.test(id) ? id : newRequestId(random);
    const record = acceptedRecord({ id, functionName, origin, requestId, hops, body });
    if ((await this.#topic) === undefined) throw new ThroughlineError('CLOSED', 'the functions are stopping');
    await log.append(asyncTopic, [record]);
    return requestId;
  }

  /** A function may run another number of invocations at once than before. */
  concurrencyChanged(functionName: string): void {
    const line = this.#lines.get(functionName);
    if (line !== undefined) this.#next(functionName, line);
  }

  /** Begins nothing more, and gives back what does not end soon. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) timer.cancel();
    await this.#topic;
    const ended = new AbortController();
    const releasing = Promise.all(Array.from(this.#held.keys(), (partition) => this.#release(partition, false)));
    void releasing.finally(() => ended.abort());
    await delayOrAbort(this.#options.clock, asyncCloseMs, ended.signal);
    for (const queue of this.#queues()) queue.lost.abort();
    await releasing;
    await this.#group?.close();
  }

  /** Makes the topic where it is missing, and joins the group. Never rejects; undefined when it was closed before. */
  async #start(): Promise<TopicDescription | undefined> {
    const { log, member, clock, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        const description = await this.#ensureTopic();
        this.#problem = undefined;
        this.#group = new MappingGroup({
          log,
          group: asyncGroup,
          topic: asyncTopic,
          member,
          clock,
          logger,
          onAssigned: (partition) => this.#hold(partition),
          onRevoked: (partition) => this.#release(partition, false),
          onLost: (partition) => void this.#release(partition, true),
        });
        return description;
      } catch (thrown) {
        this.#problem = ThroughlineError.from(thrown);
        if (this.#problem.code === 'CLOSED') return undefined;
        logger.error(this.#problem.toJSON(), 'asynchronous invocations wait for their topic');
        await delayOrAbort(clock, retryDelayMs, this.#stop.signal);
      }
    }
    return undefined;
  }

  async #ensureTopic(): Promise<TopicDescription> {
    const { durability: asked, log } = this.#options;
    const { admin } = log;
    const durability = asked === undefined ? {} : { durability: asked };
    const { partitionCount, recordBytesMax } = asyncLimits;
    try {
      return await admin.createTopic(asyncTopic, {
        partitions: partitionCount,
        // What is accepted is kept, however long nobody is there to call its function.
        config: { ...durability, retentionMs: null, retentionBytes: null, recordBytesMax },
      });
    } catch (thrown) {
      if (!ThroughlineError.is(thrown, 'TOPIC_EXISTS')) throw thrown;
      return asked === undefined ? admin.describeTopic(asyncTopic) : admin.alterTopic(asyncTopic, durability);
    }
  }

  #queues(): PartitionQueue[] {
    return Array.from(this.#held.values(), ({ queue }) => queue ?? []).flat();
  }

  #hold(partition: number): void {
    const before = this.#held.get(partition)?.ending;
    const held: Held = {
      stop: new AbortController(),
      queue: undefined,
      beginning: Promise.resolve(),
      ending: undefined,
    };
    this.#held.set(partition, held);
    held.beginning = this.#begin(partition, held, before);
  }

  /** Never rejects. */
  async #begin(partition: number, held: Held, before: Promise<void> | undefined): Promise<void> {
    const { log, clock, logger } = this.#options;
    const { signal } = held.stop;
    // It may be assigned again while it still comes to an end.
    await before;
    await this.#options.ready;
    while (!signal.aborted) {
      try {
        const group = this.#group!;
        const description = await log.admin.describeTopic(asyncTopic);
        const committed = (await group.committed()).find((one) => one.partition === partition);
        if (signal.aborted) return;
        const { topicId, partitions } = description;
        const note = { topicId, partitionCount: partitions.length };
        const queue: PartitionQueue = new PartitionQueue({
          log,
          partition,
          description,
          settledBelow: committed?.note?.topicId === topicId ? committed.offset : undefined,
          clock,
          logger,
          onOpen: (event) => this.#opened(queue, event),
          onPlace: (place) => group.commit(partition, place, note),
        });
        held.queue = queue;
        return;
      } catch (thrown) {
        const error = ThroughlineError.from(thrown);
        if (error.code === 'CLOSED') return;
        logger.error({ partition, ...error.toJSON() }, 'asynchronous invocations cannot be read; trying again');
        await delayOrAbort(clock, retryDelayMs, signal);
      }
    }
  }

  /** Resolves when nothing of the partition is at work here. */
  async #release(partition: number, isLost: boolean): Promise<void> {
    const held = this.#held.get(partition);
    if (held === undefined) return;
    held.stop.abort();
    if (held.queue !== undefined) held.queue.isLeaving = true;
    if (isLost) held.queue?.lost.abort();
    held.ending ??= this.#end(held);
    await held.ending;
    if (this.#held.get(partition) === held) this.#held.delete(partition);
  }

  async #end({ beginning, queue }: Held): Promise<void> {
    await beginning;
    if (queue === undefined) return;
    await this.#ended(queue);
    await queue.close();
  }

  async #ended(queue: PartitionQueue): Promise<void> {
    await Promise.all(this.#atWork.get(queue) ?? new Set<Promise<void>>());
  }

  /** An event may be called: now, or when its time has come. */
  #opened(queue: PartitionQueue, event: OpenEvent): void {
    const { clock } = this.#options;
    const waitMs = event.dueMs - clock.nowMs();
    if (waitMs > 0) {
      const timer = clock.after(Math.min(waitMs, asyncBackoffMsMax), () => {
        this.#timers.delete(timer);
        // The wall clock may have been moved: it is looked at again.
        if (queue.isOurs(event)) this.#opened(queue, event);
      });
      this.#timers.add(timer);
      return;
    }
    const line = this.#lineOf(event.functionName);
    line.due.push({ queue, event });
    this.#next(event.functionName, line);
  }

  #lineOf(functionName: string): Line {
    const line = this.#lines.get(functionName) ?? { due: [], runningCount: 0 };
    this.#lines.set(functionName, line);
    return line;
  }

  /** Hands on as many as the function serves at once: the others wait on the log, and take no place of those who wait for an answer. */
  #next(functionName: string, line: Line): void {
    const { functions } = this.#options;
    const config = functions.get(functionName)?.invoker.config;
    const places = config === undefined ? 1 : config.environmentsMax * config.invocationsPerEnvironment;
    // One asks a function, too, that may run none: its event is to get too old in time.
    const countMax = Math.max(Math.min(places, config?.reservedConcurrency ?? Infinity), 1);
    while (line.runningCount < countMax) {
      const next = line.due.shift();
      if (next === undefined) return;
      const { queue, event } = next;
      if (!queue.isOurs(event)) continue;
      event.isBusy = true;
      line.runningCount++;
      const working = this.#attempt(queue, event, () => {
        line.runningCount--;
        this.#next(functionName, line);
      });
      const all = this.#atWork.get(queue) ?? new Set();
      this.#atWork.set(queue, all.add(working));
      void working.finally(() => {
        all.delete(working);
        if (all.size === 0) this.#atWork.delete(queue);
      });
    }
  }

  /** One attempt, to the outcome that is on the log. Never rejects. */
  async #attempt(queue: PartitionQueue, event: OpenEvent, onPlaceFree: () => void): Promise<void> {
    const { clock, logger } = this.#options;
    const config = this.#configOf(event);
    let attempted: Attempted = { outcome: undefined };
    try {
      attempted = await this.#call(queue, event, config);
    } catch (thrown) {
      const error = ThroughlineError.from(thrown);
      const { code, message } = error;
      logger.error({ function: event.functionName, ...error.toJSON() }, 'an event could not be handed on');
      const failure = { code, type: error.name, message };
      if (code !== 'CLOSED') attempted = { outcome: delayed(event, failure, config, clock.nowMs()) };
    }
    onPlaceFree();
    const { outcome, response } = attempted;
    if (outcome === undefined) return;
    this.#tell(event, outcome);
    if (!(await this.#deliver(queue, event, outcome, response))) return;
    await this.#append(queue, outcome);
  }

  async #call(queue: PartitionQueue, event: OpenEvent, config: AsyncConfig): Promise<Attempted> {
    const { functions, clock } = this.#options;
    const { functionName, requestId } = event;
    const hosted = functions.get(functionName);
    if (isTooOld(event, config, clock.nowMs())) {
      const error = { code: 'THROTTLED', type: 'EventAgeExceeded', message: 'it was not called in time' };
      return { outcome: failed(event, event.attempts, 'EventAgeExceeded', error) };
    }
    if (hosted === undefined) {
      const message = `there is no function ${functionName}`;
      const error = { code: 'UNKNOWN_FUNCTION', type: 'ResourceNotFoundException', message };
      return { outcome: delayed(event, error, config, clock.nowMs()) };
    }
    const body = fromUtf8(await queue.bodyOf(event));
    const request = { requestId, event: body, invokedFunctionArn: arnOf(functionName) };
    const output = config.onSuccess === undefined && config.onFailure === undefined ? undefined : new CollectedOutput();
    const settlement = await hosted.invoker.invoke(request, output ?? nobodyListens, queue.lost.signal);
    const answer = output?.answerOf(settlement);
    const error = settlement.error ?? (answer === undefined || Buffer.isBuffer(answer) ? undefined : answer);
    const outcome = outcomeOf(error, event, config, clock.nowMs());
    if (error !== undefined) {
      const payload = errorPayload(error, requestId, hosted.invoker.config.timeoutMs);
      return { outcome, response: { payload, isError: true } };
    }
    if (answer === undefined || !Buffer.isBuffer(answer)) return { outcome };
    const text = answer.toString();
    // What a streaming handler wrote is text, and no JSON.
    return {
      outcome,
      response: { payload: settlement.value === undefined ? JSON.stringify(text) : text, isError: false },
    };
  }

  /** @returns whether the outcome may be told: its destination has the result. Never rejects. */
  async #deliver(
    queue: PartitionQueue,
    event: OpenEvent,
    outcome: EventOutcome,
    response: Response | undefined,
  ): Promise<boolean> {
    if (outcome.kind !== 'succeeded' && outcome.kind !== 'failed') return true;
    const { onSuccess, onFailure } = this.#configOf(event);
    const destination = outcome.kind === 'succeeded' ? onSuccess : onFailure;
    if (destination === undefined) return true;
    const { clock, logger } = this.#options;
    const { signal } = queue.lost;
    while (!signal.aborted) {
      try {
        const body = fromUtf8(await queue.bodyOf(event));
        const record = invocationRecord(event, outcome, body, response, clock.nowMs());
        return await this.#destinations.deliver(destination, event, outcome, record, signal);
      } catch (thrown) {
        const error = ThroughlineError.from(thrown);
        if (error.code === 'CLOSED') return false;
        logger.error({ id: event.id, ...error.toJSON() }, 'an event cannot be read again; trying again');
        if (error.code === 'INVALID_EVENT') return true;
        await delayOrAbort(clock, retryDelayMs, signal);
      }
    }
    return false;
  }

  #configOf({ functionName }: OpenEvent): AsyncConfig {
    return this.#options.functions.get(functionName)?.config ?? asyncConfigOf({});
  }

  #tell(event: OpenEvent, outcome: EventOutcome): void {
    if (outcome.kind === 'succeeded') return;
    const { functionName, id, origin, requestId } = event;
    const { kind, error } = outcome;
    const fields = { function: functionName, id, origin, requestId, ...error };
    const { logger } = this.#options;
    if (kind === 'failed') {
      const { condition, attempts } = outcome;
      logger.error({ ...fields, condition, attempts }, 'an asynchronous event is given up');
    } else logger.warn({ ...fields, dueMs: outcome.dueMs }, 'an asynchronous event is called again');
  }

  /** Appends what became of an event, as often as it takes. Never rejects. */
  async #append(queue: PartitionQueue, outcome: EventOutcome): Promise<void> {
    const { log, clock, logger } = this.#options;
    for (;;) {
      try {
        await log.append(asyncTopic, [outcomeRecord(outcome, queue.partition)]);
        return;
      } catch (thrown) {
        const error = ThroughlineError.from(thrown);
        logger.error({ id: outcome.id, ...error.toJSON() }, 'the outcome of an asynchronous event is not kept yet');
        // It will be called again by whoever takes over.
        if (error.code === 'CLOSED' || error.code === 'UNKNOWN_TOPIC' || queue.lost.signal.aborted) return;
        await delayOrAbort(clock, retryDelayMs, queue.lost.signal);
      }
    }
  }
}
