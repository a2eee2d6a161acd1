// What AWS's API says about functions: ListFunctions, GetFunction, GetFunctionConfiguration, GetFunctionUrlConfig, and of versions
// what there is. A setting that nothing here corresponds to has the value that AWS gives it by default. Environment variables are
// left out: there may be keys among them.
// Source: AWS Lambda API reference, FunctionConfiguration and FunctionUrlConfig.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { runtimeName } from '../invoker/launch-command.ts';
import { notFound } from './aws-error.ts';
import { reservedJson } from './concurrency.ts';
import { arnOf } from './function-name.ts';
import type { HostedFunction } from './hosted-function.ts';
import { findFunction, type LambdaServices } from './invocation-request.ts';

const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64';

export async function listFunctions(services: LambdaServices): Promise<Response> {
  const functions = Array.from(services.functions, ([name, hosted]) => configurationOf(services, name, hosted));
  return Response.json({ Functions: await Promise.all(functions) });
}

/** @throws AwsError ResourceNotFoundException, InvalidParameterValueException */
export async function getFunction(services: LambdaServices, text: string, request: Request): Promise<Response> {
  const { name, hosted } = findFunction(services, text, request);
  const location = `file://${hosted.invoker.config.entry}`;
  return Response.json({
    Configuration: await configurationOf(services, name, hosted),
    Code: { RepositoryType: 'File', Location: location },
    ...(hosted.invoker.config.reservedConcurrency === undefined ? {} : { Concurrency: reservedJson({ hosted }) }),
    Tags: {},
  });
}

/** @throws AwsError ResourceNotFoundException, InvalidParameterValueException */
export async function getFunctionConfiguration(
  services: LambdaServices,
  text: string,
  request: Request,
): Promise<Response> {
  const { name, hosted } = findFunction(services, text, request);
  return Response.json(await configurationOf(services, name, hosted));
}

/**
 * Nothing has been published: there is the one version that changes with its sources.
 *
 * @throws AwsError ResourceNotFoundException, InvalidParameterValueException
 */
export async function listVersions(services: LambdaServices, text: string, request: Request): Promise<Response> {
  const { name, hosted } = findFunction(services, text, request);
  const latest = { ...(await configurationOf(services, name, hosted)), FunctionArn: `${arnOf(name)}:$LATEST` };
  return Response.json({ Versions: [latest] });
}

/** @throws AwsError ResourceNotFoundException, InvalidParameterValueException */
export function listAliases(services: LambdaServices, text: string, request: Request): Response {
  findFunction(services, text, request);
  return Response.json({ Aliases: [] });
}

/** @throws AwsError ResourceNotFoundException, InvalidParameterValueException */
export function getFunctionUrlConfig(services: LambdaServices, text: string, request: Request): Response {
  const { name, hosted } = findFunction(services, text, request);
  if (hosted.url === undefined) throw notFound(`${arnOf(name)} has no function URL`);
  const startedAt = timeText(services.startedMs);
  return Response.json({
    FunctionUrl: new URL(`/lambda-url/${name}/`, request.url).href,
    FunctionArn: arnOf(name),
    AuthType: 'NONE',
    InvokeMode: hosted.url.responseMode,
    CreationTime: startedAt,
    LastModifiedTime: startedAt,
  });
}

async function configurationOf(
  services: LambdaServices,
  name: string,
  { invoker }: HostedFunction,
): Promise<Record<string, unknown>> {
  const { config } = invoker;
  const { initError, startError } = invoker.status();
  const problem = initError ?? startError;
  // A file that cannot be read is a function that cannot be loaded: an invocation says why.
  const code = await services.readFile(config.entry).catch(() => Buffer.alloc(0));
  const digest = createHash('sha256').update(code).digest();
  return {
    FunctionName: name,
    FunctionArn: arnOf(name),
    Runtime: runtimeName(config.runtime),
    Role: 'arn:aws:iam::000000000000:role/throughline',
    Handler: `${path.parse(config.entry).name}.${config.handler}`,
    CodeSize: code.length,
    CodeSha256: digest.toString('base64'),
    Description: '',
    Timeout: Math.ceil(config.timeoutMs / 1000),
    MemorySize: config.memoryMb,
    LastModified: timeText(services.startedMs),
    Version: '$LATEST',
    TracingConfig: { Mode: 'PassThrough' },
    PackageType: 'Zip',
    Architectures: [architecture],
    EphemeralStorage: { Size: 512 },
    ...(problem === undefined
      ? { State: 'Active', LastUpdateStatus: 'Successful' }
      : {
          State: 'Failed',
          StateReason: problem.message,
          StateReasonCode: 'FunctionError',
          LastUpdateStatus: 'Failed',
          LastUpdateStatusReason: problem.message,
          LastUpdateStatusReasonCode: 'FunctionError',
        }),
  };
}

/** `2026-12-01T10:00:00.000+0000`, as AWS writes it. */
function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('Z', '+0000');
}
