// One function and the runs that it works on: its environments, and the queue of runs that wait for one.
import {
  conversationOf,
  pathTo,
  textOf,
  toUiMessage,
  type Clock,
  type Conversation,
  type Logger,
  type Random,
  type Run,
} from '@throughline/event';
import type { AttemptHost } from './attempt-host.ts';
import { appendRetriesMax, appendRetryMs, sharedDeathCount, limits } from './defaults.ts';
import { EnvironmentPool } from './environment-pool.ts';
import type { ResolvedFunction } from './function-config.ts';
import { statusOf, type FunctionStatus } from './function-status.ts';
import { RunAttempt } from './run-attempt.ts';
import { failed, type Outcome } from './run-ending.ts';
import { RunQueue } from './run-queue.ts';
import { triesBefore, type RunEntry } from './run-table.ts';

export interface FunctionRunnerOptions {
  readonly config: ResolvedFunction;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly scratchDir: string;
  readonly compileCacheDir: string | undefined;
  /** What attempts need, but for what the function's own configuration says. */
  readonly host: Omit<AttemptHost, 'attemptsMax' | 'leaseMs' | 'appending' | 'onOver'>;
  newId(): string;
  /** Whether a run that was queued is still to be started. */
  isWanted(entry: RunEntry): boolean;
  /** A run cannot be started, and is to end so. */
  end(entry: RunEntry, outcome: Outcome): void;
  onOver: AttemptHost['onOver'];
}

export class FunctionRunner {
  readonly config: ResolvedFunction;
  readonly pool: EnvironmentPool;
  readonly #options: FunctionRunnerOptions;
  readonly #host: AttemptHost;
  readonly #queue = new RunQueue<RunEntry>();
  #running = 0;

  constructor(options: FunctionRunnerOptions) {
    const { config, clock, logger, scratchDir, compileCacheDir } = options;
    this.#options = options;
    this.config = config;
    this.pool = new EnvironmentPool({
      config,
      clock,
      logger,
      scratchDir,
      compileCacheDir,
      newId: () => options.newId(),
      onCapacity: () => this.#schedule(),
    });
    this.#host = {
      ...options.host,
      attemptsMax: config.attemptsMax,
      leaseMs: config.leaseMs,
      appending: {
        clock,
        windowMs: config.chunkWindowMs,
        bytesMax: config.chunkBytesMax,
        recordBytesMax: limits.recordBytesMax,
        pendingBytesMax: limits.pendingBytesMax,
        retryMs: appendRetryMs,
        retriesMax: appendRetriesMax,
      },
      onOver: (attempt, how) => {
        this.#running--;
        options.onOver(attempt, how);
      },
    };
  }

  status(): FunctionStatus {
    return statusOf(this.config, this.pool, { queued: this.#queue.length, running: this.#running });
  }

  /** Starts an attempt at a run as soon as an environment is free. */
  enqueue(entry: RunEntry, isResumed: boolean): void {
    entry.isQueued = true;
    if (isResumed) this.#queue.pushResumed(entry);
    else this.#queue.push(entry);
    this.#schedule();
  }

  #schedule(): void {
    for (let entry = this.#queue.shift(); entry !== undefined; entry = this.#queue.shift()) {
      entry.isQueued = false;
      if (!this.#options.isWanted(entry)) continue;
      const isAlone = this.config.invocationsPerEnvironment > 1 && entry.deaths >= sharedDeathCount;
      const environment = this.pool.acquire(isAlone);
      if (environment === undefined) {
        entry.isQueued = true;
        this.#queue.unshift(entry);
        return;
      }
      const event = eventFor(entry.conversation, entry.run);
      if (typeof event !== 'string') {
        this.#options.end(entry, event);
        continue;
      }
      entry.attempt = new RunAttempt(this.#host, entry.run, environment, triesBefore(entry.conversation, entry.run));
      this.#running++;
      entry.attempt.start(requestId(this.#options.random), event, isAlone);
    }
  }
}

/** A handler's first argument as JSON, or why there is none. */
function eventFor(conversation: Conversation, run: Run): string | Outcome {
  const messages = pathTo(conversation, run.messageId).map(toUiMessage);
  if (messages.length === 0) {
    return failed('INVALID_EVENT', 'the message that the run answers is not in its conversation');
  }
  const event = JSON.stringify({
    conversationId: conversationOf(run.stream),
    runId: run.id,
    replyId: run.replyId,
    attempt: run.attempt + 1,
    messages,
    // A later attempt says again what stands before it goes on; a model that can may hurry through that much.
    standingCharacters: textOf(conversation.messages.get(run.replyId)?.parts ?? []).length,
    ...(run.model === undefined ? {} : { model: run.model }),
    ...(run.settings === undefined ? {} : { settings: run.settings }),
  });
  if (event.length <= limits.invokeBytesMax) return event;
  return failed('BODY_TOO_LARGE', `the conversation is ${event.length} characters long`);
}

/** A random UUID (RFC 9562, version 4), which is what Lambda's request ids look like. */
function requestId(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const text = bytes.toString('hex');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
}
