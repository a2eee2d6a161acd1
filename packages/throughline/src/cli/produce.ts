// `throughline produce TOPIC [VALUE]`: appends one record, or one for each line of standard input. The lines that come
// together are appended together; a line that is rejected ends the command, and what was printed before it is appended. Text
// is never null, not even empty text: a value is null only with --null-value, a key without --key.
import { ThroughlineError } from '@throughline/event';
import * as z from 'zod';
import { conversationsTopic } from '../defaults.ts';
import type { ApiClient } from './api-client.ts';
import { withTopics } from './cluster.ts';
import { countOption, namedValues, textOption, type Options } from './options.ts';
import { printJsonLine, printLine, say } from '../terminal/output.ts';

const answerSchema = z.object({ acks: z.array(z.object({ partition: z.int(), offset: z.string() })) });

export function run(options: Options, [topic = '', value]: readonly string[]): Promise<void> {
  return withTopics(options, (api) => produce(api, options, topic, value));
}

async function produce(api: ApiClient, options: Options, topic: string, value: string | undefined): Promise<void> {
  const isNull = options['nullValue'] === true;
  if (isNull && value !== undefined)
    throw new ThroughlineError('INVALID_ARGUMENT', '--null-value and a value: give one of them');
  const key = textOption(options, 'key');
  if (key !== undefined && options['nullKey'] === true)
    throw new ThroughlineError('INVALID_ARGUMENT', '--null-key and --key: give one of them');
  const partition = countOption(options, 'partition');
  const record = {
    headers: namedValues(options, 'header').map(({ name, value: text }) => ({ key: name, value: text })),
    ...(key === undefined ? {} : { key }),
    ...(partition === undefined ? {} : { partition }),
  };
  let appended = 0;
  async function append(values: readonly (string | null)[]): Promise<void> {
    if (values.length === 0) return;
    const { acks } = await api.json(answerSchema, `/v1/topics/${encodeURIComponent(topic)}/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records: values.map((text) => ({ ...record, value: text })) }),
    });
    if (appended === 0 && topic === conversationsTopic) {
      say(`${topic} is for events: a record that is none is kept, and every reader of the topic skips and counts it`);
    }
    appended += acks.length;
    for (const ack of acks) {
      if (options['json'] === true) printJsonLine({ topic, ...ack });
      else printLine(`${topic}-${ack.partition}@${ack.offset}`);
    }
  }
  if (isNull) return append([null]);
  if (value !== undefined) return append([value]);
  if (process.stdin.isTTY) say('one record per line; Ctrl-D ends');
  await forEachLines(append);
}

/** Hands over the complete lines of each piece of standard input as it comes. */
async function forEachLines(take: (lines: readonly string[]) => Promise<void>): Promise<void> {
  let rest = '';
  for await (const text of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    await take(lines.map((line) => line.replace(/\r$/, '')));
  }
  if (rest !== '') await take([rest]);
}
