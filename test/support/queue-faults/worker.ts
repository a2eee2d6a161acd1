// Notes when it begins and ends with a batch of messages, a line each, and names those that say they are bad.
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

interface Event {
  readonly Records: readonly {
    readonly messageId: string;
    readonly body: string;
    readonly attributes: { readonly ApproximateReceiveCount: string };
  }[];
}

function note(line: unknown): void {
  appendFileSync(process.env['HISTORY_FILE'] ?? '', `${JSON.stringify(line)}\n`);
}

export async function handler(
  { Records }: Event,
  { awsRequestId: id }: { readonly awsRequestId: string },
): Promise<unknown> {
  const messages = Records.map(({ body, attributes }) => ({ body, count: Number(attributes.ApproximateReceiveCount) }));
  note({ at: 'begin', id, life: process.ppid, pid: process.pid, messages });
  await pause(4 * Records.length);
  const bad = Records.filter(({ body }) => body.endsWith('bad'));
  note({ at: 'end', id, failed: bad.map(({ body }) => body) });
  return { batchItemFailures: bad.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}
