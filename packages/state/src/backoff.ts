// How long to wait before the next try: doubled each time, anywhere below that ("full jitter", Marc Brooker, AWS Architecture
// Blog 2015), so that a thousand tabs do not come back to a restarted server in the same instant.
import type { Random } from '@throughline/event';

/** The wait in milliseconds before try number `tries` (1, 2, …), at least half of `baseMs`. */
export function backoffMs(random: Random, tries: number, baseMs: number, maxMs: number): number {
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** Math.min(tries - 1, 30));
  return Math.max(baseMs / 2, Math.round(random.float() * ceilingMs));
}
