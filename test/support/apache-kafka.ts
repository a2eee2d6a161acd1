// An Apache Kafka of one node for tests, by the tool beside the repository (see test/judges/toolchain.ts).
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { kafka } from '@throughline/log';
import { kafkaTool } from '../judges/toolchain.ts';

const run = promisify(execFile);
/** Apache Kafka needs some 3 s to start, and 13 s after a crash; a busy machine takes its time. */
const startMs = 120_000;

export class ApacheKafka {
  readonly #dir: string;
  #address = '';

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** `host:port`; the same after every start. */
  get address(): string {
    return this.#address;
  }

  async start(): Promise<void> {
    const port = this.#address === '' ? '0' : this.#address.split(':')[1]!;
    const options = ['start', '--port', port, '--dir', this.#dir, '--heap', '512M'];
    const { stdout } = await run(kafkaTool, options, { timeout: startMs });
    this.#address = stdout.trim();
  }

  /** A clean stop; the data stays. */
  async stop(): Promise<void> {
    await run(kafkaTool, ['stop', '--dir', this.#dir], { timeout: startMs });
  }

  /** kill -9. */
  async kill9(): Promise<void> {
    await run(kafkaTool, ['stop', '--dir', this.#dir, '--kill'], { timeout: startMs });
  }

  /** Removes all topics but Kafka's own. */
  async deleteTopics(): Promise<void> {
    const log = await kafka({ bootstrap: this.#address });
    for (const { topic } of await log.admin.topics()) await log.admin.deleteTopic(topic);
    await log.close();
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Starts a broker on a free port, in a folder that is removed in the end. */
export async function startApacheKafka(): Promise<ApacheKafka> {
  const kafka = new ApacheKafka(mkdtempSync(path.join(os.tmpdir(), 'throughline-kafka-')));
  await kafka.start();
  return kafka;
}
