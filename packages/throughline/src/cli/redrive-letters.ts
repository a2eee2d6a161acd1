// Brings dead letters back to where they came from, each at most once. The place of a redrive is a consumer group of the topic of
// dead letters; it is committed before a letter is sent, so that a redrive that is killed sends none a second time. The one that was
// being sent then is in doubt, and the commit says so: an event of a function is sent again, for its id is made of the letter's
// place and counts once; any other letter is named and left to whoever can look.
//
//   commit (offset + 1, "sending") ─► append ─► commit of the next …            ─► commit (end, "sent")
import { randomUUID } from 'node:crypto';
import { fromUtf8, ThroughlineError, type Clock, type LogRecord, type ProducerRecord } from '@throughline/event';
import { acceptedRecord, asyncTopic, deadLetterHeaders, withoutDeadLetterHeaders } from '@throughline/functions';
import type { Log } from '@throughline/log';

export interface RedriveOptions {
  readonly log: Log;
  readonly topic: string;
  /** Where to instead of where they came from. */
  readonly to: string | undefined;
  /** Headers that a letter must have; what has others is passed. */
  readonly where: readonly { readonly name: string; readonly value: string }[];
  /** Letters a second at most. */
  readonly rate: number | undefined;
  readonly isDryRun: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onLetter: (letter: RedrivenLetter) => void;
}

export interface RedrivenLetter {
  readonly partition: number;
  readonly offset: bigint;
  /**
   * `sent` (`would send` in a dry run); `no match` of `where`; `no origin`: it is no dead letter; `in doubt`: an earlier redrive
   * died while it was sending it.
   */
  readonly state: 'sent' | 'would send' | 'no match' | 'no origin' | 'in doubt';
  /** A topic, or `function NAME`. */
  readonly destination?: string;
}

export type RedriveCounts = Readonly<Record<RedrivenLetter['state'], number>>;

/** The group that has the place of a redrive. */
export function redriveGroup(topic: string): string {
  return `throughline-redrive-${topic}`;
}

/** An append that has failed with one of these has left nothing behind. */
const leavesNothing: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC',
  'RECORD_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TOPIC',
]);

/**
 * Goes through the letters that the topic has now, from where the last redrive has come to.
 *
 * @throws ThroughlineError UNKNOWN_TOPIC, INVALID_ARGUMENT, what the log says; the place is kept
 */
export async function redrive(options: RedriveOptions): Promise<RedriveCounts> {
  const { log, topic, to, signal } = options;
  if (to === topic) throw new ThroughlineError('INVALID_ARGUMENT', `--to ${to}: that is where they are`);
  const counts = { sent: 0, 'would send': 0, 'no match': 0, 'no origin': 0, 'in doubt': 0 };
  const { partitions } = await log.admin.describeTopic(topic);
  const places = await log.admin.committedOffsets(redriveGroup(topic));
  for (const { partition, logStartOffset, highWatermark } of partitions) {
    const place = places.find((one) => one.topic === topic && one.partition === partition);
    const isInDoubt = place?.metadata === 'sending';
    const doubted = isInDoubt ? place.offset - 1n : undefined;
    let offset = later(logStartOffset, doubted ?? place?.offset ?? logStartOffset);
    // What fails again and becomes a dead letter once more is behind the end that was there at the start.
    while (offset < highWatermark && !signal.aborted) {
      const { records, nextOffset } = await log.read({ topic, partition, offset });
      for (const record of records) {
        if (signal.aborted || record.offset >= highWatermark) break;
        const letter = await redriveOne(options, record, record.offset === doubted);
        counts[letter.state]++;
        options.onLetter(letter);
      }
      offset = nextOffset;
    }
    if (!signal.aborted) await keep(options, partition, later(offset, highWatermark), 'sent');
  }
  return counts;
}

async function redriveOne(options: RedriveOptions, record: LogRecord, isInDoubt: boolean): Promise<RedrivenLetter> {
  const { log, where, isDryRun, rate, clock } = options;
  const { partition, offset } = record;
  const place = { partition, offset };
  if (!where.every(({ name, value }) => hasHeader(record, name, value))) return { ...place, state: 'no match' };
  const way = await wayOf(options, record);
  if (way === undefined) return { ...place, state: 'no origin' };
  const { destination } = way;
  // Sent a second time it would not count once.
  if (isInDoubt && way.topic !== asyncTopic) return { ...place, destination, state: 'in doubt' };
  if (isDryRun) return { ...place, destination, state: 'would send' };
  await keep(options, partition, offset + 1n, 'sending');
  try {
    await log.append(way.topic, [way.record]);
  } catch (thrown) {
    const { code } = ThroughlineError.from(thrown);
    if (leavesNothing.has(code)) await keep(options, partition, offset, 'sent');
    throw thrown;
  }
  if (rate !== undefined) await new Promise<void>((resolve) => clock.after(1000 / rate, resolve));
  return { ...place, destination, state: 'sent' };
}

interface Way {
  readonly topic: string;
  readonly record: ProducerRecord;
  readonly destination: string;
}

async function wayOf({ log, to }: RedriveOptions, record: LogRecord): Promise<Way | undefined> {
  const { topic, partition, offset, key, value, timestampMs } = record;
  const origin = headerOf(record, deadLetterHeaders.topic);
  const functionName = headerOf(record, deadLetterHeaders.functionName);
  const headers = withoutDeadLetterHeaders(record.headers);
  if (to !== undefined) return { topic: to, record: { key, value, headers, timestampMs }, destination: to };
  if (origin === undefined) return undefined;
  const originPartition = Number(headerOf(record, deadLetterHeaders.partition));
  if (origin !== asyncTopic) {
    return {
      topic: origin,
      record: { key, value, headers, timestampMs, partition: originPartition },
      destination: origin,
    };
  }
  if (functionName === undefined) return undefined;
  const body = await eventOf(log, originPartition, headerOf(record, deadLetterHeaders.offset), value);
  if (body === undefined) return undefined;
  const event = acceptedRecord({
    id: `redrive/${topic}/${partition}/${offset}`,
    functionName,
    origin: `redrive of ${topic}`,
    requestId: randomUUID(),
    hops: 0,
    body,
  });
  return { topic: asyncTopic, record: event, destination: `function ${functionName}` };
}

/** The event as it was accepted, with all its digits; where it is gone, what the dead letter has of it. */
async function eventOf(
  log: Log,
  partition: number,
  offsetText: string | undefined,
  value: Uint8Array | null,
): Promise<Uint8Array | undefined> {
  const offset = BigInt(/^\d{1,19}$/.exec(offsetText ?? '')?.[0] ?? -1);
  try {
    const { records } = await log.read({ topic: asyncTopic, partition, offset, bytesMax: 1 });
    const found = records.find((record) => record.offset === offset)?.value;
    if (found !== undefined && found !== null) return found;
  } catch (thrown) {
    if (!ThroughlineError.is(thrown, 'OFFSET_OUT_OF_RANGE')) throw thrown;
  }
  const letter: unknown = value === null ? undefined : JSON.parse(fromUtf8(value));
  if (typeof letter !== 'object' || letter === null || !('requestPayload' in letter)) return undefined;
  return new TextEncoder().encode(JSON.stringify(letter.requestPayload));
}

function hasHeader(record: LogRecord, name: string, value: string): boolean {
  return [name, `throughline-${name}`].some((one) => headerOf(record, one) === value);
}

function headerOf({ headers }: LogRecord, name: string): string | undefined {
  const value = headers.find(({ key }) => key === name)?.value;
  return value === undefined || value === null ? undefined : fromUtf8(value);
}

async function keep(
  { log, topic, isDryRun }: RedriveOptions,
  partition: number,
  offset: bigint,
  metadata: 'sending' | 'sent',
): Promise<void> {
  if (!isDryRun) await log.admin.commitOffsets(redriveGroup(topic), [{ topic, partition, offset, metadata }]);
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
