// Brings the result of an event to its destination, before its outcome is on the log: so each result arrives at least once. A
// function gets it as an asynchronous event whose id is made from the place of the one it came from, so that there it counts once.
// What may pass is tried again until it is there; what can never arrive is said and passed.
import { delayOrAbort, ThroughlineError, utf8, type Clock, type LogRecord, type Logger } from '@throughline/event';
import type { Durability, Log } from '@throughline/log';
import { asyncLimits, asyncTopic, retryDelayMs } from '../defaults.ts';
import { deadLetterHeadersOf } from '../triggers/dead-letter.ts';
import { readDestination } from '../triggers/destination.ts';
import type { AsyncEvent } from '../triggers/trigger.ts';
import type { EventOutcome } from './async-record.ts';
import { busResult } from './invocation-record.ts';
import type { OpenEvent } from './open-events.ts';

export interface DestinationsOptions {
  readonly log: Log;
  readonly durability: Durability | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly accept: (event: AsyncEvent, hops: number) => Promise<unknown>;
}

/** What trying again cannot heal. */
const hopeless: ReadonlySet<string> = new Set([
  'UNKNOWN_FUNCTION',
  'BODY_TOO_LARGE',
  'RECORD_TOO_LARGE',
  'INVALID_TOPIC',
  'INVALID_ARGUMENT',
]);

export class Destinations {
  readonly #options: DestinationsOptions;

  constructor(options: DestinationsOptions) {
    this.#options = options;
  }

  /** @returns whether it is there, or can never be; false where `stop` has aborted before. Never rejects. */
  async deliver(
    text: string,
    event: OpenEvent,
    outcome: EventOutcome & { readonly kind: 'succeeded' | 'failed' },
    record: string,
    stop: AbortSignal,
  ): Promise<boolean> {
    const { clock, logger } = this.#options;
    while (!stop.aborted) {
      try {
        await this.#send(text, event, outcome, record);
        return true;
      } catch (thrown) {
        const error = ThroughlineError.from(thrown);
        const fields = { function: event.functionName, id: event.id, destination: text, ...error.toJSON() };
        if (error.code === 'CLOSED') return false;
        if (hopeless.has(error.code)) {
          logger.error(fields, 'the result of an asynchronous event cannot be brought to its destination');
          return true;
        }
        logger.error(fields, 'the result of an asynchronous event is not at its destination yet; trying again');
        await delayOrAbort(clock, retryDelayMs, stop);
      }
    }
    return false;
  }

  async #send(
    text: string,
    event: OpenEvent,
    outcome: EventOutcome & { readonly kind: 'succeeded' | 'failed' },
    record: string,
  ): Promise<void> {
    const destination = readDestination(text);
    const { functionName, partition, offset, hops } = event;
    const place = `${partition}-${offset}`;
    if (destination.kind === 'function') {
      if (hops >= asyncLimits.hopsMax) {
        // AWS's detection of recursive loops stops there, too.
        const message = `${functionName} and its destinations call each other: stopped after ${hops} hops`;
        throw new ThroughlineError('INVALID_ARGUMENT', message);
      }
      const next = { functionName: destination.name, event: record, origin: `destination of ${functionName}` };
      await this.#options.accept({ ...next, id: `destination/${place}` }, hops + 1);
      return;
    }
    if (destination.kind === 'bus') {
      const value = busResult(
        event,
        destination.bus,
        outcome.kind === 'succeeded',
        record,
        this.#options.clock.nowMs(),
      );
      // A bus is no store: it has the log's own settings, as one has that a trigger makes.
      await this.#append(
        destination.topic,
        { key: utf8(event.id), value: utf8(value), headers: [] },
        { partitions: 1 },
      );
      return;
    }
    const headers =
      outcome.kind === 'succeeded'
        ? []
        : deadLetterHeadersOf(
            { topic: asyncTopic, partition, offset },
            {
              condition: outcome.condition,
              errorCode: outcome.error.code,
              errorType: outcome.error.type,
              errorMessage: outcome.error.message,
              attempts: outcome.attempts,
              functionName,
            },
          );
    const { durability: asked } = this.#options;
    const durability = asked === undefined ? {} : { durability: asked };
    const { destinationPartitionCount: partitions, destinationRecordBytesMax: recordBytesMax } = asyncLimits;
    const config = { ...durability, retentionMs: null, retentionBytes: null, recordBytesMax };
    const entry = { key: utf8(event.id), value: utf8(record), headers };
    await this.#append(destination.topic, entry, { partitions, config });
  }

  /** A topic that nobody has made is made. */
  async #append(
    topic: string,
    record: Pick<LogRecord, 'key' | 'value' | 'headers'>,
    made: Parameters<Log['admin']['createTopic']>[1],
  ): Promise<void> {
    const { log } = this.#options;
    try {
      await log.append(topic, [record]);
    } catch (thrown) {
      if (!ThroughlineError.is(thrown, 'UNKNOWN_TOPIC')) throw thrown;
      await log.admin.createTopic(topic, made).catch((error: unknown) => {
        if (!ThroughlineError.is(error, 'TOPIC_EXISTS')) throw error;
      });
      await log.append(topic, [record]);
    }
  }
}
