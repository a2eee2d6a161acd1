// A log line as people read it, and where the lines are.
import { inspect } from 'node:util';
import type { LogFields } from '@throughline/event';

export const serverLogName = 'server.log';

/** `message: why (name=value …)` on one line. */
export function plainLine({ error, ...rest }: LogFields, message: string): string {
  const reason = error instanceof Error ? `: ${error.message}` : '';
  const facts = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${factText(value)}`);
  return `${message}${reason}${facts.length > 0 ? ` (${facts.join(' ')})` : ''}`.replaceAll(/\s*\n\s*/g, ' ');
}

/** Digits that a measurement has by chance are left out. */
function factText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toFixed(1)));
  return inspect(value, { breakLength: Infinity });
}
