// Request bodies: read no further than the limit, parsed as JSON, narrowed by a schema.
import { isTooDeep, jsonDepthMax, object, parse, parseExact, ThroughlineError, type Schema } from '@throughline/event';

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
  assertJson(request);
  return parseJson(await readText(request, bytesMax), schema, mayHaveMore);
}

/**
 * The body of an endpoint that needs none: what is sent nevertheless must be an object without fields, for none would be
 * heard.
 *
 * @throws ThroughlineError BODY_TOO_LARGE, MALFORMED_JSON, INVALID_ARGUMENT
 */
export async function readNothing(request: Request, bytesMax: number): Promise<void> {
  const text = await readText(request, bytesMax);
  if (text === '') return;
  assertJson(request);
  parseJson(text, nothing, false);
}

const nothing = object({});

function assertJson(request: Request): void {
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/json' && !type.endsWith('+json')) {
    // A form of another site can send text/plain without the browser asking first; it cannot send this type.
    throw new ThroughlineError('MALFORMED_JSON', `content-type ${JSON.stringify(type)}: expected application/json`);
  }
}

function parseJson<Output>(text: string, schema: Schema<Output>, mayHaveMore: boolean): Output {
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
  const bytes = await readBytes(request, bytesMax);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ThroughlineError('MALFORMED_JSON', 'the body is no UTF-8', { cause });
  }
}

async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array> {
  const declared = request.headers.get('content-length');
  // Node's parser never passes on more than the length that was declared.
  const isDeclared = declared !== null && !request.headers.has('transfer-encoding');
  if (isDeclared && !(Number(declared) <= bytesMax)) throw tooLarge(bytesMax);
  try {
    if (isDeclared) return new Uint8Array(await request.arrayBuffer());
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (cause) {
    if (ThroughlineError.is(cause)) throw cause;
    // Its sender is gone: nobody reads this answer, and nothing here is broken.
    throw new ThroughlineError('INVALID_ARGUMENT', 'the body ended before its end', { cause });
  }
}

function tooLarge(bytesMax: number): ThroughlineError {
  return new ThroughlineError('BODY_TOO_LARGE', `the body is above ${bytesMax} bytes`, { details: { bytesMax } });
}
