// Decodes each record, as a handler does; notes how long one whose value is a time on the machine's clock was on its way.
import { appendFileSync } from 'node:fs';

interface Event {
  readonly records: Readonly<Record<string, readonly { readonly key?: string; readonly value?: string }[]>>;
}

export async function handler({ records }: Event): Promise<void> {
  const nowNs = process.hrtime.bigint();
  for (const { value = '' } of Object.values(records).flat()) {
    const text = Buffer.from(value, 'base64').toString();
    if (/^\d+$/.test(text)) {
      appendFileSync(process.env['LATENCY_FILE'] ?? '', `${Number(nowNs - BigInt(text)) / 1000}\n`);
    } else JSON.parse(text);
  }
}
