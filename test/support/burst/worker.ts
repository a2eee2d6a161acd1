// A function that notes in a file when it begins and ends with each number that it is called with: by an event of its own, by a
// batch of a topic, or both.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

interface Event {
  readonly n?: number;
  readonly records?: Readonly<Record<string, readonly { readonly value: string }[]>>;
}

export async function handler({ n, records = {} }: Event): Promise<void> {
  const batch = Object.values(records)
    .flat()
    .map(({ value }) => Buffer.from(value, 'base64').toString());
  const numbers = n === undefined ? batch : [String(n)];
  appendFileSync(process.env['NOTES']!, `begin ${numbers.join(' ')}\n`);
  await sleep(2);
  appendFileSync(process.env['NOTES']!, `end ${numbers.join(' ')}\n`);
}
