// Notes when it begins and ends with a batch, a line each, and names the first record that says it is bad. The server is its parent:
// the process id of that names one life of the mapping.
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

interface Event {
  readonly records: Readonly<
    Record<string, readonly { readonly partition: number; readonly offset: number; readonly value: string }[]>
  >;
}

function note(line: unknown): void {
  appendFileSync(process.env['HISTORY_FILE'] ?? '', `${JSON.stringify(line)}\n`);
}

export async function handler(event: Event, { awsRequestId: id }: { readonly awsRequestId: string }): Promise<unknown> {
  const records = Object.values(event.records).flat();
  const places = records.map(({ partition, offset }) => ({ partition, offset }));
  note({ at: 'begin', id, life: process.ppid, pid: process.pid, records: places });
  await pause(4 * records.length);
  const bad = records.findIndex(({ value }) => Buffer.from(value, 'base64').toString().endsWith('bad'));
  note({ at: 'end', id, failedIndex: bad });
  if (bad === -1) return {};
  const { partition, offset } = records[bad]!;
  return { batchItemFailures: [{ itemIdentifier: { partition: `jobs-${partition}`, offset } }] };
}
