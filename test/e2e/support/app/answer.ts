// Answers `rich` with every kind of part that the page can show, `cut` with half an answer and a coded error, `throw` with
// an exception before the first word, and anything else with a nod.
import type { Writable } from 'node:stream';

interface RunEvent {
  readonly messages: readonly { readonly parts: readonly { readonly type: string; readonly text?: string }[] }[];
}
declare const awslambda: {
  streamifyResponse(handler: (event: RunEvent, stream: Writable) => Promise<void>): unknown;
};

const markdown = [
  'A **bold** word, `inline code`, a [link](https://example.org/) and a footnote[^1].',
  '',
  '## What follows',
  '',
  '1. one',
  '2. two',
  '   - nested',
  '',
  '- [x] done',
  '- [ ] open',
  '',
  '> A quotation.',
  '',
  '```ts',
  "const answer = await log.read({ topic: 'conversations', partition: 0, offset: 0n, bytesMax: 1_048_576 });",
  '```',
  '',
  '| level | survives |',
  '|---|---|',
  '| `os` | the process |',
  '',
  'مرحبا بالعالم',
  '',
  '[^1]: A note.',
].join('\n');

export const handler = awslambda.streamifyResponse((event, stream) => {
  const question = event.messages.at(-1)?.parts.find((part) => part.type === 'text')?.text ?? '';
  const write = (...chunks: object[]): void => {
    for (const chunk of chunks) stream.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  const say = (id: string, text: string): void =>
    write({ type: 'text-start', id }, { type: 'text-delta', id, delta: text }, { type: 'text-end', id });
  if (question === 'throw') throw new Error('the handler has had enough');
  write({ type: 'start' }, { type: 'start-step' });
  if (question === 'cut') {
    write({ type: 'text-start', id: 't' }, { type: 'text-delta', id: 't', delta: 'Half an answer' });
    write({ type: 'error', errorText: 'MODEL_CUT: the stream ended after 3 chunks' });
    stream.end('data: [DONE]\n\n');
    return Promise.resolve();
  }
  if (question === 'rich') {
    write(
      { type: 'reasoning-start', id: 'r' },
      { type: 'reasoning-delta', id: 'r', delta: 'First I thought.' },
      { type: 'reasoning-end', id: 'r' },
      { type: 'tool-input-available', toolCallId: 'c', toolName: 'search', input: { words: 'log' } },
      { type: 'tool-output-available', toolCallId: 'c', output: 'found' },
      { type: 'source-url', sourceId: 's1', url: '/docs/concepts/log.md', title: 'concepts/log.md' },
      { type: 'source-url', sourceId: 's2', url: 'javascript:globalThis.ran=1', title: 'a bad source' },
    );
    say('t', markdown);
  } else say('t', 'Yes.');
  write({ type: 'finish-step' }, { type: 'finish', finishReason: 'stop' });
  stream.end('data: [DONE]\n\n');
  return Promise.resolve();
});
