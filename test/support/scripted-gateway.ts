// A gateway over a log in memory, or the one that is given, with the test in the place of the supervisor: it sees each run that is requested and
// appends by hand what a supervisor would.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  eventFromRecord,
  systemClock,
  systemRandom,
  toRecord,
  ulids,
  type PayloadOf,
  type PlacedEvent,
  type UiChunk,
} from '@throughline/event';
import { createGateway, type Gateway, type GatewayOptions } from '@throughline/gateway';
import type { Log } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';

type RunRequested = Extract<PlacedEvent, { type: 'run-requested' }>;

/** One run, as the test plays it. */
export class ScriptedRun {
  readonly id: string;
  readonly stream: string;
  readonly replyId: string;
  readonly messageId: string;
  readonly request: RunRequested;
  readonly #log: Log;
  readonly #ulid: () => string;
  attempt = 0;
  seq = 0;

  constructor(log: Log, request: RunRequested, ulid: () => string) {
    this.id = request.run;
    this.stream = request.stream;
    this.replyId = request.payload.replyId;
    this.messageId = request.payload.messageId;
    this.request = request;
    this.#log = log;
    this.#ulid = ulid;
  }

  async start(): Promise<void> {
    this.attempt++;
    const environment = { id: 'scripted', pid: 1 };
    const payload = { function: 'answer', environment, owner: 'test', leaseMs: 10_000, keep: this.seq };
    await this.#append('attempt-started', { attempt: this.attempt }, payload);
  }

  /** One chunk record. */
  async chunks(...chunks: UiChunk[]): Promise<void> {
    await this.#append('chunk', { attempt: this.attempt, seq: this.seq++ }, { chunks });
  }

  /** The begin of a text, in one record. */
  async open(id = 't1'): Promise<void> {
    await this.chunks(
      { type: 'start', messageId: 'made-up-by-the-function' },
      { type: 'start-step' },
      { type: 'text-start', id },
    );
  }

  async text(delta: string, id = 't1'): Promise<void> {
    await this.chunks({ type: 'text-delta', id, delta });
  }

  async finish(id = 't1'): Promise<void> {
    await this.chunks({ type: 'text-end', id }, { type: 'finish-step' }, { type: 'finish', finishReason: 'stop' });
    await this.end({ outcome: 'done' });
  }

  async end(payload: PayloadOf<'run-ended'>): Promise<void> {
    await this.#append('run-ended', { attempt: this.attempt }, payload);
  }

  async #append(type: string, numbers: { attempt: number; seq?: number }, payload: unknown): Promise<void> {
    const event = { type, id: this.#ulid(), stream: this.stream, run: this.id, actor: 'test', ...numbers, payload };
    await this.#log.append('conversations', [toRecord(event)]);
  }
}

export interface ScriptedGateway {
  readonly log: Log;
  readonly gateway: Gateway;
  readonly ulid: () => string;
  readonly runs: readonly ScriptedRun[];
  /** The next run that is requested and was not taken yet. */
  nextRun(): Promise<ScriptedRun>;
  /** A gateway more, over the same log. */
  another(options?: Partial<GatewayOptions>): Promise<Gateway>;
  close(): Promise<void>;
}

/** @example const scripted = await scriptedGateway(); scripted.gateway.fetch(…); const run = await scripted.nextRun(); */
export async function scriptedGateway(options: Partial<GatewayOptions> = {}): Promise<ScriptedGateway> {
  const log = options.log ?? new MemoryLog();
  await log.admin.createTopic('conversations', { partitions: 4 });
  const dir = mkdtempSync(path.join(tmpdir(), 'throughline-gateway-'));
  const ulid = ulids(systemClock, systemRandom);
  const stop = new AbortController();
  const runs: ScriptedRun[] = [];
  const waiting: ((run: ScriptedRun) => void)[] = [];
  let taken = 0;
  const watching = (async () => {
    for await (const { records } of log.tail({ topic: 'conversations', from: 'latest', signal: stop.signal })) {
      for (const record of records) {
        let event: PlacedEvent;
        try {
          event = eventFromRecord(record);
        } catch {
          // Tests put rubbish on the log on purpose; a supervisor skips it as well.
          continue;
        }
        if (event.type !== 'run-requested') continue;
        const run = new ScriptedRun(log, event, ulid);
        runs.push(run);
        const next = waiting.shift();
        if (next !== undefined) {
          taken++;
          next(run);
        }
      }
    }
  })();
  let gatewayCount = 0;
  const gateways: Gateway[] = [];
  const another = async (more: Partial<GatewayOptions> = {}): Promise<Gateway> => {
    const gateway = await createGateway({
      log,
      topic: 'conversations',
      storePath: path.join(dir, `gateway-${gatewayCount++}.sqlite`),
      functionName: 'answer',
      tables: noTables,
      status: async () => ({ version: 'test', functions: [], folds: [] }),
      ...options,
      ...more,
    });
    gateways.push(gateway);
    return gateway;
  };
  const gateway = await another();
  return {
    log,
    gateway,
    ulid,
    runs,
    another,
    nextRun() {
      const run = runs[taken];
      if (run !== undefined) {
        taken++;
        return Promise.resolve(run);
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    async close() {
      for (const each of gateways) await each.close();
      stop.abort();
      await watching;
      await log.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const noTables: GatewayOptions['tables'] = {
  list: async () => [{ name: 'turns', columns: [], rowCount: 0 }],
  rows: async () => ({ rows: [] }),
  sql: async () => ({ columns: [], rows: [] }),
};
