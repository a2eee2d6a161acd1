// Numbers and times as a person reads them.
import { isTime } from '@throughline/event';

/** `840 ms`, `3.2 s`, `1 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 9_950 ? 1 : 0)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** US dollars: `$0`, `$0.0042`, `$1.20`. */
export function cost(usd: number): string {
  if (usd === 0) return '$0';
  if (usd < 0.000_1) return '< $0.0001';
  return `$${usd.toFixed(usd < 0.1 ? 4 : 2)}`;
}

/** `just now`, `5 min ago`, `14:05`, `12 March`, in the words of the browser's language. */
export function when(timestampMs: number, nowMs: number): string {
  // A foreign writer may have put any number there.
  if (!isTime(timestampMs)) return String(timestampMs);
  const ageMs = nowMs - timestampMs;
  if (ageMs < 45_000) return 'just now';
  if (ageMs < 3_600_000) return `${Math.max(1, Math.round(ageMs / 60_000))} min ago`;
  const at = new Date(timestampMs);
  const isToday = at.toDateString() === new Date(nowMs).toDateString();
  return isToday
    ? at.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
    : at.toLocaleDateString(undefined, { day: 'numeric', month: 'long' });
}

/** `1 attempt`, `2 attempts`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
