// What the tests of the functions floor share: a log in memory, a supervisor with real child processes, and a reader that
// knows nothing of the supervisor: it folds the topic as a browser would, and keeps every change that it has seen.
import assert from 'node:assert/strict';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  conversationStream,
  emptyConversation,
  eventFromRecord,
  isUlid,
  reduceConversation,
  replyOf,
  systemClock,
  systemRandom,
  textOf,
  toRecord,
  ulids,
  type Conversation,
  type LogFields,
  type Logger,
  type PlacedEvent,
  type RawEvent,
  type Run,
} from '@throughline/event';
import {
  createFunctionHost,
  createSupervisor,
  type FunctionConfig,
  type Supervisor,
  type SupervisorOptions,
} from '@throughline/functions';
import type { Log } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';

export const topic = 'conversations';
const handlers = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../packages/functions/test-handlers');
export const newId: () => string = ulids(systemClock, systemRandom);

/** The path of a test handler. */
export function entryOf(name: string): string {
  return path.join(handlers, `${name}.ts`);
}

export function answerFunction(config: Partial<FunctionConfig> = {}): FunctionConfig {
  return { name: 'answer', entry: entryOf('answer'), ...config };
}

export async function memoryLog(partitions = 4): Promise<MemoryLog> {
  const log = new MemoryLog();
  await log.admin.createTopic(topic, { partitions });
  return log;
}

export interface Question {
  readonly conversationId: string;
  readonly messageId: string;
  readonly runId: string;
  readonly replyId: string;
}

/** Puts a question and the request for its answer on the log, as the gateway does. */
export async function ask(
  log: Log,
  text: string,
  options: { conversationId?: string; parentId?: string | null; functionName?: string } = {},
): Promise<Question> {
  const conversationId = options.conversationId ?? newId();
  const question = { conversationId, messageId: newId(), runId: newId(), replyId: newId() };
  const stream = conversationStream(conversationId);
  const events: RawEvent[] = [
    ...(options.conversationId === undefined
      ? [{ type: 'conversation-created', id: newId(), stream, payload: { title: text.slice(0, 80) } }]
      : []),
    {
      type: 'message-created',
      id: newId(),
      stream,
      payload: {
        messageId: question.messageId,
        parentId: options.parentId ?? null,
        role: 'user',
        parts: [{ type: 'text', text }],
      },
    },
    {
      type: 'run-requested',
      id: newId(),
      stream,
      run: question.runId,
      payload: {
        messageId: question.messageId,
        replyId: question.replyId,
        function: options.functionName ?? 'answer',
      },
    },
  ];
  await log.append(topic, events.map(toRecord));
  return question;
}

export async function requestStop(log: Log, { conversationId, runId }: Question): Promise<void> {
  const stream = conversationStream(conversationId);
  await log.append(topic, [toRecord({ type: 'stop-requested', id: newId(), stream, run: runId, payload: {} })]);
}

/** Waits, turn by turn, for what no record tells of. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const giveUp = AbortSignal.timeout(20_000);
  while (!(await condition())) {
    if (giveUp.aborted) assert.fail(`it did not come to that: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** A reader of the topic, as any browser or pipeline is one. */
export class Reader {
  readonly conversations = new Map<string, Conversation>();
  /** Events that count, in the order of the log (per partition). */
  readonly events: PlacedEvent[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;
  /** What a reader has been shown of each reply, at each change: none may be taken back. */
  readonly #shown = new Map<string, string>();
  contradictions: string[] = [];

  constructor(log: Log) {
    this.#reading = this.#follow(log);
  }

  run(runId: string): Run | undefined {
    for (const { runs } of this.conversations.values()) {
      const run = runs.get(runId);
      if (run !== undefined) return run;
    }
    return undefined;
  }

  text(runId: string): string {
    for (const conversation of this.conversations.values()) {
      const run = conversation.runs.get(runId);
      const reply = run === undefined ? undefined : replyOf(conversation, run);
      if (reply !== undefined) return textOf(reply.parts);
    }
    return '';
  }

  /** Resolves when `condition` holds; it is looked at after each step of the log. */
  async until(condition: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
    const giveUp = AbortSignal.timeout(timeoutMs);
    while (!condition()) {
      if (giveUp.aborted) assert.fail(`not within ${timeoutMs} ms: ${what}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          giveUp.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        giveUp.addEventListener('abort', wake, { once: true });
      });
    }
  }

  async ended(runId: string, timeoutMs?: number): Promise<Run> {
    await this.until(() => this.run(runId)?.phase === 'ended', `run ${runId} ends`, timeoutMs);
    return this.run(runId)!;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }

  async #follow(log: Log): Promise<void> {
    for await (const { records } of log.tail({ topic, from: 'earliest', signal: this.#stop.signal })) {
      for (const record of records) {
        const event = eventFromRecord(record);
        const id = event.stream.slice('conversations/'.length);
        let conversation = this.conversations.get(id);
        if (conversation === undefined) this.conversations.set(id, (conversation = emptyConversation(id)));
        const change = reduceConversation(conversation, event);
        assert.ok(isUlid(event.id));
        if (change.verdict === 'counts') this.events.push(event);
        if (change.runId !== undefined) this.#look(conversation, change.runId);
      }
      for (const wake of this.#waiting) wake();
    }
  }

  #look(conversation: Conversation, runId: string): void {
    const run = conversation.runs.get(runId);
    const reply = run === undefined ? undefined : replyOf(conversation, run);
    if (reply === undefined) return;
    const text = textOf(reply.parts);
    const before = this.#shown.get(runId) ?? '';
    if (!text.startsWith(before)) this.contradictions.push(`${runId}: ${before} became ${text}`);
    this.#shown.set(runId, text);
  }
}

export interface SuperviseOptions extends Omit<SupervisorOptions, 'functions'> {
  readonly functions: readonly FunctionConfig[];
  readonly compileCacheDir?: string;
}

/** A supervisor with functions of its own, which it closes. */
export async function supervise({ functions, compileCacheDir, ...options }: SuperviseOptions): Promise<Supervisor> {
  const { log, storePath, clock, random, logger } = options;
  const host = createFunctionHost({
    log,
    functions,
    ...(storePath === undefined ? {} : { scratchDir: `${storePath}-scratch` }),
    ...(compileCacheDir === undefined ? {} : { compileCacheDir }),
    ...(clock === undefined ? {} : { clock }),
    ...(random === undefined ? {} : { random }),
    ...(logger === undefined ? {} : { logger }),
  });
  const supervisor = await createSupervisor({ ...options, functions: host }).catch(async (error: unknown) => {
    await host.close();
    throw error;
  });
  const close = supervisor.close.bind(supervisor);
  return Object.assign(supervisor, {
    async close() {
      await close();
      await host.close();
    },
  });
}

export interface House {
  readonly log: Log;
  readonly reader: Reader;
  readonly supervisor: Supervisor;
  readonly logged: { readonly level: string; readonly fields: LogFields; readonly message: string }[];
}

/** Starts supervisor and reader on `options.log` or a fresh log; all is closed when the test ends. */
export async function openHouse(
  test: { after(action: () => Promise<void>): void },
  options: Partial<SuperviseOptions> = {},
): Promise<House> {
  const log = options.log ?? (await memoryLog());
  const logged: House['logged'] = [];
  const supervisor = await supervise({
    isExclusive: true,
    functions: [answerFunction()],
    logger: recorder(logged),
    ...options,
    log,
    topic,
  });
  const reader = new Reader(log);
  test.after(async () => {
    await supervisor.close();
    await reader.close();
  });
  return { log, reader, supervisor, logged };
}

function recorder(logged: House['logged']): Logger {
  const at =
    (level: string) =>
    (fields: LogFields, message: string): void => {
      logged.push({ level, fields, message });
      if (process.env['SHOW_LOGS'] !== undefined)
        process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** The text that the test handler speaks. */
export function words(count: number, prefix = 'word'): string {
  return Array.from({ length: count }, (_, index) => `${prefix}${index} `).join('');
}
