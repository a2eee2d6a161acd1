// The body of a request, read no further than its limit.
import { parse, ThroughlineError, type Schema } from '@throughline/event';
import { invalidContent, invalidParameter } from './aws-error.ts';

/** AWS's bound for a request that changes something. */
const jsonBytesMax = 1024 * 1024;

/** @throws ThroughlineError BODY_TOO_LARGE */
export async function readBody(request: Request, bytesMax: number): Promise<Buffer> {
  const tooLarge = (): ThroughlineError =>
    new ThroughlineError('BODY_TOO_LARGE', `Request must be smaller than ${bytesMax} bytes`, { details: { bytesMax } });
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The body of a request that changes something; AWS's command line says null for what is not set, which is left out.
 *
 * @throws AwsError InvalidRequestContentException; ThroughlineError BODY_TOO_LARGE
 */
export async function readFields(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const body = await readBody(request, jsonBytesMax);
  const value = body.length === 0 ? {} : jsonOf(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidContent('Could not parse request body into json: an object is expected');
  }
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

/** @throws AwsError InvalidParameterValueException */
export function narrowed<Output>(schema: Schema<Output>, fields: Readonly<Record<string, unknown>>): Output {
  const problem = schema.problem(fields, '');
  if (problem !== undefined) throw invalidParameter(problem);
  return parse(schema, fields);
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw invalidContent(`Could not parse request body into json: ${(error as Error).message}`);
  }
}
