// A worker of Kafka Connect in a process of its own, and its REST interface: alone when connectors come with it, otherwise one
// of a cluster.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { JavaProgram } from './java-tools.ts';

const deadlineMs = 60_000;

export interface ConnectSetup {
  readonly jars: readonly string[];
  readonly folder: string;
  readonly bootstrap: string;
  readonly settings: Readonly<Record<string, string>>;
}

export class ConnectWorker implements AsyncDisposable {
  readonly #program: JavaProgram;
  readonly #url: string;

  private constructor(program: JavaProgram, url: string) {
    this.#program = program;
    this.#url = url;
  }

  /** Starts it; `ready` says when it answers. */
  static async start(setup: ConnectSetup, ...connectors: readonly string[]): Promise<ConnectWorker> {
    const url = `http://127.0.0.1:${await freePort()}`;
    const settings = {
      'bootstrap.servers': setup.bootstrap,
      'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'consumer.auto.offset.reset': 'earliest',
      'offset.flush.interval.ms': '500',
      'plugin.discovery': 'service_load',
      listeners: url,
      ...setup.settings,
    };
    const file = path.join(setup.folder, `worker-${path.basename(url)}.properties`);
    writeFileSync(
      file,
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    const main = `org.apache.kafka.connect.cli.Connect${connectors.length > 0 ? 'Standalone' : 'Distributed'}`;
    return new ConnectWorker(new JavaProgram([main, file, ...connectors], setup.jars), url);
  }

  async ready(): Promise<void> {
    const isThere = (): Promise<boolean> => this.ask('GET', '/connectors').then(Array.isArray, () => false);
    await until('the REST interface', isThere, this);
  }

  get complaints(): string {
    return this.#program.complaints;
  }

  /** An answer that says to come again later (a rebalance is under way) is taken at its word. */
  async ask(method: string, resource: string, body?: unknown): Promise<unknown> {
    const endMs = Date.now() + deadlineMs;
    for (;;) {
      const answer = await fetch(`${this.#url}${resource}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      const text = await answer.text();
      if (answer.ok) return text === '' ? undefined : JSON.parse(text);
      assert.ok(Date.now() < endMs, `${method} ${resource}: ${text}`);
      await wait(100);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}

/** Where the connectors and their tasks run, and how they are. */
export async function connectorState(worker: ConnectWorker, only?: string): Promise<ConnectorState> {
  interface Placed {
    readonly state: string;
    readonly worker_id: string;
  }
  const all = (await worker.ask('GET', '/connectors?expand=status')) as Readonly<
    Record<string, { readonly status: { readonly connector: Placed; readonly tasks: readonly Placed[] } }>
  >;
  const found = Object.entries(all)
    .filter(([name]) => only === undefined || name === only)
    .flatMap(([, { status }]) => [status.connector, ...status.tasks]);
  return { placed: found.map((each) => each.worker_id), states: found.map((each) => each.state) };
}

export interface ConnectorState {
  readonly placed: readonly string[];
  readonly states: readonly string[];
}

/** Asks again until it is so. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  program: { readonly complaints: string },
): Promise<void> {
  const endMs = Date.now() + deadlineMs;
  while (!(await condition())) {
    assert.ok(Date.now() < endMs, `waited too long for ${what}: ${program.complaints}`);
    await wait(100);
  }
}

/** A port that was free a moment ago: a worker tells the others the port that it was given, and 0 is none. */
async function freePort(): Promise<number> {
  await using probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  return (probe.address() as AddressInfo).port;
}
