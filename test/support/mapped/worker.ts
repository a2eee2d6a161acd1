// Keeps the event, a line of JSON; names the records of Kafka's shape whose value is `bad`; throws for one of Kinesis's that is.
import { appendFileSync } from 'node:fs';

interface Event {
  readonly eventSource?: string;
  readonly records?: Readonly<Record<string, readonly { readonly offset: number; readonly value?: string }[]>>;
  /** Of Kinesis's shape, or of that of a queue. */
  readonly Records?: readonly { readonly kinesis?: { readonly data: string } }[];
}

export async function handler(event: Event, { functionName }: { readonly functionName: string }): Promise<unknown> {
  appendFileSync(process.env['INVOCATIONS_FILE'] ?? '', `${JSON.stringify({ functionName, event })}\n`);
  const isBad = (value = ''): boolean => Buffer.from(value, 'base64').toString() === 'bad';
  if (event.Records?.some(({ kinesis }) => isBad(kinesis?.data))) throw new Error('a bad record');
  const batchItemFailures = Object.entries(event.records ?? {}).flatMap(([partition, records]) =>
    records.filter(({ value }) => isBad(value)).map(({ offset }) => ({ itemIdentifier: { partition, offset } })),
  );
  return { batchItemFailures };
}
