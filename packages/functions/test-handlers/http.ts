// Handlers for tests of AWS's API and of function URLs: what they answer is in their event, or in the body of its request.
import type { LambdaContext, ResponseStream } from '../src/index.ts';

interface Asked {
  readonly answer?: unknown;
  readonly throws?: string;
  readonly exits?: number;
  readonly bytes?: number;
  readonly head?: Parameters<typeof awslambda.HttpResponseStream.from>[1];
  readonly contentType?: string;
  readonly writes?: readonly string[];
  readonly sleeps?: true;
  /** An error that nobody catches, while the handler waits. */
  readonly strays?: string;
  /** The stream is destroyed with this error, or ended twice. */
  readonly destroys?: string;
  readonly endsTwice?: true;
}
interface UrlEvent {
  readonly body?: string;
  readonly requestContext?: unknown;
}

export async function handler(event: UrlEvent & Asked, context: LambdaContext): Promise<unknown> {
  const asked = askedBy(event);
  process.stdout.write(`asked ${Object.keys(asked).join()}\n`);
  if (asked.throws !== undefined) throw new RangeError(asked.throws);
  if (asked.exits !== undefined) process.exit(asked.exits);
  if (asked.strays !== undefined) {
    setTimeout(() => {
      throw new Error(asked.strays);
    }, 5);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  if (asked.sleeps) await new Promise((resolve) => setTimeout(resolve, 60_000));
  if (asked.bytes !== undefined) return 'x'.repeat(asked.bytes);
  return 'answer' in asked
    ? asked.answer
    : { event, context: { ...context, remaining: context.getRemainingTimeInMillis() } };
}

export const streaming = awslambda.streamifyResponse(async (event: UrlEvent & Asked, stream: ResponseStream) => {
  const asked = askedBy(event);
  if (asked.contentType !== undefined) stream.setContentType(asked.contentType);
  const out = asked.head === undefined ? stream : awslambda.HttpResponseStream.from(stream, asked.head);
  for (const text of asked.writes ?? []) await new Promise<void>((resolve) => out.write(text, () => resolve()));
  if (asked.throws !== undefined) throw new RangeError(asked.throws);
  if (asked.destroys !== undefined) {
    out.destroy(new Error(asked.destroys));
    return;
  }
  if (asked.endsTwice) {
    out.end('b');
    out.end('c');
    return;
  }
  out.end();
});

/** By the event itself, or by the JSON that came as the body of a request. */
function askedBy(event: UrlEvent & Asked): Asked {
  if (event.requestContext === undefined) return event;
  if (!event.body?.startsWith('{')) return {};
  return JSON.parse(event.body) as Asked;
}
