// A client's program against a broker of its own. It is given the broker's address, the topic and the number of records that
// it is to write and read, prints `halfway` when the broker may be killed, and in its last line what it has seen, as JSON.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { BrokerProcess } from '../support/broker-process.ts';

const recordCount = 2000;

/** Runs a program; it must end well and have read every record. With `isKilled` the broker meets kill -9 in the middle. */
export async function runClient(
  command: readonly [program: string, ...before: string[]],
  { isKilled, after = [] }: { readonly isKilled: boolean; readonly after?: readonly string[] },
): Promise<void> {
  await using broker = await BrokerProcess.start();
  const [program, ...before] = command;
  const child = spawn(program, [...before, broker.address, 'judged', String(recordCount), ...after], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints = `${complaints}${text}`.slice(-4000)));
  const lines: string[] = [];
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line !== 'halfway' || !isKilled) continue;
      await broker.stop('SIGKILL');
      await broker.start();
    }
  })();
  const [status] = (await once(child, 'exit')) as [number | null];
  await reading;
  assert.equal(status, 0, complaints);
  assert.ok(lines.includes('halfway'), 'the moment to kill the broker never came');
  assert.equal((JSON.parse(lines.at(-1)!) as { readonly records: number }).records, recordCount);
}
