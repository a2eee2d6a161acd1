// How often what happened in a history.
import type { History } from '../checker/history.ts';

/** By `<operation> <outcome>`, and `records seen`. */
export function tallyOf(history: History): Map<string, number> {
  const tally = new Map<string, number>();
  const add = (name: string, count: number): void => {
    if (count > 0) tally.set(name, (tally.get(name) ?? 0) + count);
  };
  for (const operation of history) {
    if (operation.type === 'invoke') continue;
    add(`${operation.f} ${operation.type}`, 1);
    if (operation.f !== 'poll') continue;
    for (const micro of operation.value) if (micro.kind === 'poll') add('records seen', micro.records.length);
  }
  return tally;
}
