// The function of the test application: an answer that a test can predict. The question says how long it is and how fast
// it comes, for instance `tokens=60 paceMs=5`; the answer to question Q is `answerText(Q)`, the same at every attempt. With
// `stamp=yes` each token is instead the monotonic time of its writing, for measuring how long it travels.
import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { answerTokens } from './answer-text.ts';

interface RunEvent {
  readonly messages: readonly {
    readonly role: string;
    readonly parts: readonly { readonly type: string; readonly text?: string }[];
  }[];
}
declare const awslambda: {
  streamifyResponse(
    handler: (event: RunEvent, stream: Writable, context: { signal: AbortSignal }) => Promise<void>,
  ): unknown;
};

export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  const question = event.messages.at(-1)?.parts.find((part) => part.type === 'text')?.text ?? '';
  const paceMs = Number(/paceMs=(\d+)/.exec(question)?.[1] ?? 5);
  const isStamped = question.includes('stamp=yes');
  const write = (chunk: object): boolean => stream.write(`data: ${JSON.stringify(chunk)}\n\n`);
  write({ type: 'start' });
  write({ type: 'start-step' });
  write({ type: 'text-start', id: 'text' });
  for (const delta of answerTokens(question)) {
    if (paceMs > 0) await pause(paceMs, undefined, { signal: context.signal });
    write({ type: 'text-delta', id: 'text', delta: isStamped ? `@${process.hrtime.bigint()} ` : delta });
  }
  write({ type: 'text-end', id: 'text' });
  write({ type: 'finish-step' });
  write({
    type: 'finish',
    finishReason: 'stop',
    messageMetadata: { model: 'test', usage: { inputTokens: 1, outputTokens: 2 }, costUsd: 0 },
  });
  stream.end('data: [DONE]\n\n');
});
