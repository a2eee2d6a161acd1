// Where results and failures go: a function, a bus, or the topic of a queue.
import type { Notes } from './notes.ts';
import type { LocalNames } from './resource-names.ts';
import { isRecord, textOf } from './template-text.ts';

/**
 * A destination in the words of the configuration; undefined for none, and for one that is nothing here, which is noted.
 *
 * @param kind `topic`: what it is for takes topics only
 */
export function destinationOf(
  value: unknown,
  names: LocalNames,
  notes: Notes,
  path: string,
  kind: 'any' | 'topic',
): string | undefined {
  const target = isRecord(value) ? (value['Destination'] ?? value['TargetArn']) : value;
  if (target === undefined || target === null) {
    if (isRecord(value)) notes.add(path, 'it names no destination, and is left out');
    return undefined;
  }
  const text = textOf(target);
  const name = names.nameIn(text);
  const isTopicName = /^[A-Za-z0-9._-]{1,240}$/.test(name);
  if (text.startsWith('kafka://')) return text;
  if (text.includes(':lambda:') && kind === 'any') return `function:${name}`;
  if (text.includes(':events:') && kind === 'any' && isTopicName) return `bus:${name}`;
  if ((text.includes(':sqs:') || text.startsWith('queue.')) && isTopicName) return `kafka://queue.${name}`;
  notes.add(path, `${text} is no destination here, and is left out`);
  return undefined;
}
