// Offset tokens: one position in one stream, as a client sees it (docs/PROTOCOL.md §5): opaque to clients, sortable as text.
//
//   <generation>_<log position>_<sub index>      e.g. 3f9a01bc_00000000000000004711_000002
//
//   generation    the last 8 hexadecimal digits of the topic id. A topic that was deleted and made again has another, so a
//                 token of the old one is recognised and never splices two histories.
//   log position  the record's offset, 20 digits. Streams live in one partition each, so the offset alone orders them.
//   sub index     the chunk within a record of several, 6 digits; 0 for a whole event.
import { ThroughlineError } from '@throughline/event';

export interface OffsetToken {
  readonly generation: string;
  readonly position: bigint;
  readonly subIndex: number;
}

const pattern = /^([0-9a-f]{8})_(\d{20})_(\d{6})$/;

/** The generation of a topic: another incarnation of the same name has another. */
export function generationOf(topicId: string): string {
  return topicId.replaceAll('-', '').slice(-8).padStart(8, '0').toLowerCase();
}

/** The token of a position. */
export function formatToken(generation: string, position: bigint, subIndex = 0): string {
  return `${generation}_${String(position).padStart(20, '0')}_${String(subIndex).padStart(6, '0')}`;
}

/**
 * Reads a token.
 *
 * @throws ThroughlineError INVALID_ARGUMENT when it is none; OFFSET_OUT_OF_RANGE when it belongs to another incarnation of the topic
 * @example parseToken('3f9a01bc_00000000000000004711_000000', '3f9a01bc').position // 4711n
 */
export function parseToken(text: string, generation: string): OffsetToken {
  const [, found = '', position = '', subIndex = ''] = pattern.exec(text) ?? [];
  if (found === '') throw new ThroughlineError('INVALID_ARGUMENT', 'offset: expected an offset token of this server');
  if (found !== generation) {
    throw new ThroughlineError('OFFSET_OUT_OF_RANGE', 'the offset belongs to another incarnation of the log');
  }
  return { generation: found, position: BigInt(position), subIndex: Number(subIndex) };
}

/**
 * The token that a reader goes on from: of `Last-Event-ID`, as EventSource sends it, or of `?offset=`; undefined where it
 * names none.
 *
 * @throws ThroughlineError INVALID_ARGUMENT, OFFSET_OUT_OF_RANGE
 */
export function tokenOf(request: Request, generation: string): OffsetToken | undefined {
  const text = request.headers.get('last-event-id') ?? new URL(request.url).searchParams.get('offset') ?? '';
  return text === '' ? undefined : parseToken(text, generation);
}

/**
 * Rejects a token of a record that the log does not have: it was lost with a crash, or never was. Going on from there would
 * leave out what is written at those offsets next.
 *
 * @param end the next offset of the partition
 * @throws ThroughlineError OFFSET_OUT_OF_RANGE
 */
export function assertOnLog(token: OffsetToken, end: bigint): void {
  if (token.position < end) return;
  throw new ThroughlineError('OFFSET_OUT_OF_RANGE', 'the offset is beyond the end of the log', {
    details: { highWatermark: String(end) },
  });
}
