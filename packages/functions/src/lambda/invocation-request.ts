// What both ways to invoke by AWS's API read of a request: the function, its event, and what the caller says beside it.
// Source: AWS Lambda API reference, Invoke and InvokeWithResponseStream.
import type { Clock, Logger, Random } from '@throughline/event';
import { lambdaLimits } from '../defaults.ts';
import type { TriggerServices } from '../triggers/trigger.ts';
import { invalidContent, invalidParameter, notFound } from './aws-error.ts';
import { arnOf, checkQualifier, readFunctionName } from './function-name.ts';
import type { HostedFunction, HostedFunctions } from './hosted-function.ts';
import { readBody } from './read-body.ts';

export interface LambdaServices {
  readonly functions: HostedFunctions;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** When the functions were made, on the wall clock. */
  readonly startedMs: number;
  readFile(file: string): Promise<Buffer>;
  /** Keeps an event that a function is called with later; as for triggers. */
  readonly accept: TriggerServices['accept'];
}

export interface CalledFunction {
  readonly name: string;
  readonly qualifier: string | undefined;
  readonly hosted: HostedFunction;
}

export interface ReadInvocation extends CalledFunction {
  /** JSON text, as it came: numbers keep all their digits. */
  readonly event: string;
  readonly clientContext: unknown;
  /** The caller wants the end of the log. */
  readonly isLogAsked: boolean;
}

/**
 * Finds a function by what a path and the query name it.
 *
 * @throws AwsError InvalidParameterValueException, ResourceNotFoundException
 */
export function findFunction({ functions }: LambdaServices, text: string, request: Request): CalledFunction {
  const [qualifier, ...more] = new URL(request.url).searchParams.getAll('Qualifier');
  if (more.length > 0) throw invalidParameter('Qualifier is given more than once');
  const named = readFunctionName(text, qualifier);
  const hosted = functions.get(named.name);
  if (hosted === undefined) throw notFound(`Function not found: ${arnOf(named.name)}`);
  checkQualifier(named);
  return { ...named, hosted };
}

/** @throws AwsError also InvalidRequestContentException; ThroughlineError BODY_TOO_LARGE */
export async function readInvocation(
  services: LambdaServices,
  name: string,
  request: Request,
): Promise<ReadInvocation> {
  const found = findFunction(services, name, request);
  const logType = request.headers.get('x-amz-log-type') ?? 'None';
  if (logType !== 'None' && logType !== 'Tail') {
    throw invalidParameter(`X-Amz-Log-Type: ${JSON.stringify(logType)} is neither None nor Tail`);
  }
  const clientContext = readClientContext(request.headers.get('x-amz-client-context'));
  const body = await readBody(request, lambdaLimits.payloadBytesMax);
  // Nothing sent is an empty object, as on Lambda.
  const event = body.length === 0 ? '{}' : jsonText(body);
  return { ...found, event, clientContext, isLogAsked: logType === 'Tail' };
}

/** The ARN that the function's context has: with the qualifier that it was called by. */
export function invocationArn({ name, qualifier }: CalledFunction): string {
  return qualifier === undefined ? arnOf(name) : `${arnOf(name)}:${qualifier}`;
}

function jsonText(body: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    JSON.parse(text);
    return text;
  } catch (error) {
    throw invalidContent(`Could not parse request body into json: ${(error as Error).message}`);
  }
}

function readClientContext(header: string | null): unknown {
  if (header === null) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64').toString());
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // It is said below, in AWS's words.
  }
  throw invalidContent('Client context must be a valid Base64-encoded JSON object.');
}
