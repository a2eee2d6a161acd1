// Reading past damage. A batch that cannot be read costs itself and no more: its error says where reading goes on, and a
// reader that would rather have the rest than nothing goes on there, once it has told somebody.
import { ThroughlineError } from '@throughline/event';
import { unknownEpoch } from './history.ts';
import type { Damage, Log, ReadRequest, ReadResult } from './port.ts';

/**
 * What `error` says of a range that cannot be read, or undefined when it is no damage: the offset asked for up to, but
 * not including, details.nextOffset of CORRUPT_RECORD or NOT_BUILT_YET (a codec).
 */
export function damageOf(error: unknown, topic: string, partition: number, offset: bigint): Damage | undefined {
  if (!ThroughlineError.is(error, 'CORRUPT_RECORD') && !ThroughlineError.is(error, 'NOT_BUILT_YET')) return undefined;
  const { nextOffset } = error.details;
  if (typeof nextOffset !== 'string' || !/^\d+$/.test(nextOffset) || BigInt(nextOffset) <= offset) return undefined;
  return { topic, partition, offset, nextOffset: BigInt(nextOffset), error };
}

/**
 * Reads as `Log.read` does, but passes damage: `onDamage` is told, and the result holds no record and goes on behind it.
 *
 * @throws ThroughlineError what `Log.read` throws, but for damage
 * @example const { records, nextOffset } = await readOn(log, { topic, partition, offset }, (damage) => damages.push(damage))
 */
export async function readOn(
  log: Log,
  request: ReadRequest,
  onDamage: (damage: Damage) => void,
): Promise<Pick<ReadResult, 'records' | 'nextOffset' | 'lastEpoch'>> {
  try {
    return await log.read(request);
  } catch (error) {
    const damage = damageOf(error, request.topic, request.partition, request.offset);
    if (damage === undefined) throw error;
    onDamage(damage);
    return { records: [], nextOffset: damage.nextOffset, lastEpoch: unknownEpoch };
  }
}

/** How many offsets a damage covers. */
export function damagedRecords({ offset, nextOffset }: Damage): number {
  return Number(nextOffset - offset);
}

/** A damage as fields of a log line. */
export function damageFields({
  topic,
  partition,
  offset,
  nextOffset,
  error,
}: Damage): Readonly<Record<string, string | number>> {
  const { code, message } = error;
  return { topic, partition, offset: String(offset), nextOffset: String(nextOffset), code, reason: message };
}
