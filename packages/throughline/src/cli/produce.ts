// `throughline produce TOPIC [VALUE]`
import { createInterface } from 'node:readline';
import { ThroughlineError } from '@throughline/event';
import * as z from 'zod';
import { connect } from './api-client.ts';
import { countOption, textOption } from './options.ts';
import { printJson } from './output.ts';

const answerSchema = z.object({ acks: z.array(z.object({ partition: z.int(), offset: z.string() })) });

export async function run(options: Record<string, unknown>, [topic = '', value]: string[]): Promise<void> {
  const api = connect(textOption(options, 'dataDir'));
  const key = textOption(options, 'key');
  const partition = countOption(options, 'partition');
  const headers = parseHeaders(options['header']);
  async function append(text: string): Promise<void> {
    const record = {
      value: text,
      headers,
      ...(key === undefined ? {} : { key }),
      ...(partition === undefined ? {} : { partition }),
    };
    const { acks } = await api.json(answerSchema, `/v1/topics/${encodeURIComponent(topic)}/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records: [record] }),
    });
    for (const ack of acks) {
      if (options['json'] === true) printJson(ack);
      else process.stdout.write(`${topic}-${ack.partition}@${ack.offset}\n`);
    }
  }
  if (value !== undefined) return append(value);
  for await (const line of createInterface({ input: process.stdin })) await append(line);
}

function parseHeaders(given: unknown): { key: string; value: string }[] {
  if (!Array.isArray(given)) return [];
  return given.map((text: unknown) => {
    const match = /^([^=]+)=(.*)$/s.exec(String(text));
    if (match === null) throw new ThroughlineError('INVALID_ARGUMENT', `--header ${String(text)}: expected name=value`);
    return { key: match[1] ?? '', value: match[2] ?? '' };
  });
}
