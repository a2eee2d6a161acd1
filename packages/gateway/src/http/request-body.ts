// Request bodies: read no further than the limit, parsed as JSON, narrowed by a schema.
import { isTooDeep, jsonDepthMax, parse, parseExact, ThroughlineError, type Schema } from '@throughline/event';

export interface ReadJsonOptions {
  /** Whether fields that the schema does not know are left alone: only where somebody else's client sends its own. */
  readonly mayHaveMore?: boolean;
}

/**
 * The JSON body of a request, narrowed by `schema`. An unknown field is rejected, wherever in the body it is.
 *
 * @throws ThroughlineError BODY_TOO_LARGE, MALFORMED_JSON, INVALID_ARGUMENT
 */
export async function readJson<Output>(
  request: Request,
  schema: Schema<Output>,
  bytesMax: number,
  { mayHaveMore = false }: ReadJsonOptions = {},
): Promise<Output> {
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/json' && !type.endsWith('+json')) {
    // A form of another site can send text/plain without the browser asking first; it cannot send this type.
    throw new ThroughlineError('MALFORMED_JSON', `content-type ${JSON.stringify(type)}: expected application/json`);
  }
  const text = await readText(request, bytesMax);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ThroughlineError('MALFORMED_JSON', cause instanceof Error ? cause.message : 'no JSON', { cause });
  }
  if (isTooDeep(value, text.length))
    throw new ThroughlineError('INVALID_ARGUMENT', `the body is nested deeper than ${jsonDepthMax}`);
  return (mayHaveMore ? parse : parseExact)(schema, value);
}

async function readText(request: Request, bytesMax: number): Promise<string> {
  const declared = request.headers.get('content-length');
  // Node's parser never passes on more than the length that was declared.
  if (declared !== null && !request.headers.has('transfer-encoding')) {
    if (!(Number(declared) <= bytesMax)) throw tooLarge(bytesMax);
    return request.text();
  }
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function tooLarge(bytesMax: number): ThroughlineError {
  return new ThroughlineError('BODY_TOO_LARGE', `the body is above ${bytesMax} bytes`, { details: { bytesMax } });
}
