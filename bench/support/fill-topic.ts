// Fills a topic for the log benchmarks: many records per call, so that filling takes seconds, and batches of some 64 KiB
// as a busy producer makes them.
import type { Log } from '@throughline/log';

const recordsPerCall = 64;
const callsInFlight = 32;

/** Makes `topic` with one partition of about `logBytes`; returns its count of records. */
export async function fillTopic(
  log: Log,
  topic: string,
  { logBytes, recordBytes }: { readonly logBytes: number; readonly recordBytes: number },
): Promise<number> {
  const config = { durability: 'os', recordBytesMax: recordsPerCall * (recordBytes + 100) + 1000 } as const;
  await log.admin.createTopic(topic, { partitions: 1, config });
  const records = Array.from({ length: recordsPerCall }, () => ({
    key: new Uint8Array(16).fill(0x6b),
    value: new Uint8Array(recordBytes).fill(0x76),
    headers: [{ key: 'tl-type', value: new Uint8Array(5).fill(0x63) }],
  }));
  const callCount = Math.ceil(logBytes / (recordsPerCall * (recordBytes + 40)));
  for (let sent = 0; sent < callCount; sent += callsInFlight) {
    const count = Math.min(callsInFlight, callCount - sent);
    await Promise.all(Array.from({ length: count }, () => log.append(topic, records)));
  }
  return callCount * recordsPerCall;
}
