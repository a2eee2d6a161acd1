// A function of a template in the words of the configuration: its own properties over those of Globals.
// Source: AWS SAM developer guide, "AWS::Serverless::Function", "Globals section of the AWS SAM template".
import { statSync } from 'node:fs';
import path from 'node:path';
import { destinationOf } from './destinations.ts';
import { triggersOf, type EventContext, type PlacedTrigger } from './events.ts';
import { findEntry, type FunctionEntry, type SamRuntime } from './function-entry.ts';
import { region } from './intrinsics.ts';
import type { Resource } from './resource-names.ts';
import { isRecord, textOf } from './template-text.ts';

/** A function, not yet narrowed by the schema of the configuration. */
export type RawFunction = Record<string, unknown> & { readonly triggers: readonly PlacedTrigger[] };

export interface FunctionContext extends EventContext {
  /** Folder of the template: paths in it are relative to it. */
  readonly templateDir: string;
  /** `Globals.Function`, as it stands. */
  readonly globals: Record<string, unknown>;
  /** Keeps code that stands in the template itself; returns its file. */
  inline(logicalId: string, name: string, text: string): string;
}

/** Read below, or changes nothing that a function could notice on one machine. */
const known =
  /^(?:Runtime|Handler|CodeUri|Code|InlineCode|Timeout|MemorySize|Environment|Events|FunctionUrlConfig|EventInvokeConfig|DeadLetterQueue|DeadLetterConfig|ReservedConcurrentExecutions|ProvisionedConcurrencyConfig|Description|Architectures|Tags|PropagateTags|Tracing|TracingConfig|PackageType|FunctionName|AutoPublishAlias|AutoPublishCodeSha256|AutoPublishAliasAllProperties|VersionDescription|LoggingConfig|RuntimeManagementConfig|CodeSigningConfigArn|KmsKeyArn|RecursiveLoop)$/;
/** Permissions: nothing here asks for any. */
const permissions = /^(?:Policies|Role|RolePath|PermissionsBoundary|AssumeRolePolicyDocument)$/;

/** The function, or undefined for one that cannot run here, which is noted. */
export function functionOf(resource: Resource, context: FunctionContext): RawFunction | undefined {
  const { logicalId, metadata } = resource;
  const { notes } = context;
  const at = `Resources.${logicalId}.Properties`;
  const written = merged(context.globals, resource.properties);
  for (const name of Object.keys(written).filter((one) => permissions.test(one))) {
    notes.add(`${at}.${name}`, 'nothing is asked for permissions here');
    delete written[name];
  }
  const properties = context.propertiesOf({ ...resource, properties: written });
  for (const name of Object.keys(properties)) {
    if (!known.test(name)) notes.add(`${at}.${name}`, 'it is not heeded');
  }
  if (properties['FunctionName'] !== undefined) {
    notes.add(`${at}.FunctionName`, `here the function is called ${logicalId}, by its logical id`);
  }
  const reject = (reason: string): undefined => notes.add(at, `the function is left out: ${reason}`) as undefined;
  if (properties['PackageType'] === 'Image') return reject('it is a container image');
  const runtime = runtimeOf(properties['Runtime']);
  if (runtime === undefined) return reject(`there is no runtime ${textOf(properties['Runtime'])} here`);
  // A custom runtime may do without.
  const handler = properties['Handler'] ?? (runtime === 'provided' ? 'bootstrap' : undefined);
  if (typeof handler !== 'string') return reject('it has no Handler');

  const build = isRecord(metadata['BuildProperties']) ? metadata['BuildProperties'] : {};
  const method = metadata['BuildMethod'];
  const request = {
    handler,
    runtime,
    entryPoints: Array.isArray(build['EntryPoints']) ? build['EntryPoints'].map(textOf) : [],
    isBuiltByEsbuild: method === 'esbuild',
  };
  if (method !== undefined && method !== 'esbuild' && !/^(?:nodejs|python)/.test(textOf(method))) {
    notes.add(
      `Resources.${logicalId}.Metadata.BuildMethod`,
      `${textOf(method)} is not run; the code runs as it lies there`,
    );
  }
  const code = codeOf(properties, resource, context, runtime);
  if (code === undefined) return reject('its code is not in this folder');
  const found = code.file === undefined ? findEntry({ ...code, ...request }) : inlineEntry(code.file, handler, runtime);
  if (typeof found === 'string') return reject(found);

  return {
    entry: found.entry,
    handler: found.handler,
    runtime,
    codeDir: found.codeDir,
    ...(found.isBundled ? { bundle: true } : {}),
    timeoutMs: Number(properties['Timeout'] ?? 3) * 1000,
    memoryMb: Math.max(128, Number(properties['MemorySize'] ?? 128)),
    // As on AWS: whoever wants more at once says so.
    invocationsPerEnvironment: 1,
    environment: { AWS_REGION: region, AWS_DEFAULT_REGION: region, ...variablesOf(properties['Environment']) },
    ...concurrencyOf(properties),
    ...asynchronousOf(properties, context, at),
    triggers: [{ path: at, trigger: urlOf(properties) }, ...eventsOf(properties['Events'], context, `${at}.Events`)],
  };
}

function eventsOf(events: unknown, context: FunctionContext, path: string): PlacedTrigger[] {
  if (!isRecord(events)) return [];
  return Object.entries(events).flatMap(([name, event]) => {
    if (!isRecord(event)) return [];
    const properties = isRecord(event['Properties']) ? event['Properties'] : {};
    return triggersOf(textOf(event['Type']), properties, context, `${path}.${name}`);
  });
}

/** Maps are merged, anything else of the function's own wins; lists of the two are joined, as SAM does it. */
function merged(globals: Record<string, unknown>, own: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = { ...globals };
  for (const [name, value] of Object.entries(own)) {
    const before = result[name];
    if (isRecord(before) && isRecord(value) && !isFunctionCall(before) && !isFunctionCall(value)) {
      result[name] = merged(before, value);
    } else if (Array.isArray(before) && Array.isArray(value)) result[name] = [...before, ...value];
    else result[name] = value;
  }
  return result;
}

function isFunctionCall(value: Record<string, unknown>): boolean {
  return Object.keys(value).some((name) => name === 'Ref' || name.startsWith('Fn::'));
}

function runtimeOf(runtime: unknown): SamRuntime | undefined {
  const name = textOf(runtime ?? '');
  const known: readonly SamRuntime[] = ['nodejs', 'python', 'provided'];
  return known.find((one) => name.startsWith(one));
}

interface Code {
  readonly codeDir: string;
  /** The code itself, where the template has it. */
  readonly file?: string;
}

function codeOf(
  properties: Record<string, unknown>,
  { logicalId }: Resource,
  context: FunctionContext,
  runtime: SamRuntime,
): Code | undefined {
  const code = properties['CodeUri'] ?? properties['Code'];
  const inline = properties['InlineCode'] ?? (isRecord(code) ? code['ZipFile'] : undefined);
  if (typeof inline === 'string' && runtime !== 'provided') {
    const ending = runtime === 'python' ? 'py' : /^\s*(?:import|export)\b/m.test(inline) ? 'mjs' : 'cjs';
    const file = context.inline(logicalId, `index.${ending}`, inline);
    return { codeDir: path.dirname(file), file };
  }
  if (code === undefined) return { codeDir: context.templateDir };
  if (typeof code !== 'string' || code.startsWith('s3://')) return undefined;
  const place = path.resolve(context.templateDir, code);
  // It may name a file of the folder that is meant.
  return { codeDir: statSync(place, { throwIfNoEntry: false })?.isFile() === true ? path.dirname(place) : place };
}

function inlineEntry(entry: string, handler: string, runtime: SamRuntime): FunctionEntry {
  const codeDir = path.dirname(entry);
  return { entry, handler: handler.slice(handler.lastIndexOf('.') + 1), runtime, codeDir, isBundled: false };
}

function variablesOf(environment: unknown): Record<string, string> {
  const variables = isRecord(environment) && isRecord(environment['Variables']) ? environment['Variables'] : {};
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : textOf(value),
    ]),
  );
}

function urlOf({ FunctionUrlConfig: config }: Record<string, unknown>): PlacedTrigger['trigger'] {
  const mode = isRecord(config) && config['InvokeMode'] === 'RESPONSE_STREAM' ? 'RESPONSE_STREAM' : 'BUFFERED';
  return { type: 'url', responseMode: mode };
}

function concurrencyOf(properties: Record<string, unknown>): Record<string, unknown> {
  const reserved = properties['ReservedConcurrentExecutions'];
  const provisioned = properties['ProvisionedConcurrencyConfig'];
  const count = isRecord(provisioned) ? provisioned['ProvisionedConcurrentExecutions'] : undefined;
  return {
    ...(reserved === undefined ? {} : { reservedConcurrency: Number(reserved) }),
    ...(count === undefined ? {} : { provisionedConcurrency: Number(count) }),
  };
}

/** What becomes of asynchronous invocations. */
function asynchronousOf(
  properties: Record<string, unknown>,
  { names, notes }: FunctionContext,
  path: string,
): Record<string, unknown> {
  const config = isRecord(properties['EventInvokeConfig']) ? properties['EventInvokeConfig'] : {};
  const destinations = isRecord(config['DestinationConfig']) ? config['DestinationConfig'] : {};
  const at = `${path}.EventInvokeConfig.DestinationConfig`;
  const onSuccess = destinationOf(destinations['OnSuccess'], names, notes, `${at}.OnSuccess`, 'any');
  const failed = destinationOf(destinations['OnFailure'], names, notes, `${at}.OnFailure`, 'any');
  const letters = properties['DeadLetterQueue'] ?? properties['DeadLetterConfig'];
  const dead = destinationOf(letters, names, notes, `${path}.DeadLetterQueue`, 'topic');
  const onFailure = failed ?? dead;
  if (failed !== undefined && dead !== undefined) {
    notes.add(`${path}.DeadLetterQueue`, 'it is left out: what fails goes to the destination OnFailure');
  }
  const attempts = config['MaximumRetryAttempts'];
  const age = config['MaximumEventAgeInSeconds'];
  return {
    ...(onSuccess === undefined ? {} : { onSuccess }),
    ...(onFailure === undefined ? {} : { onFailure }),
    ...(attempts === undefined ? {} : { maximumRetryAttempts: Number(attempts) }),
    ...(age === undefined ? {} : { maximumEventAgeSeconds: Number(age) }),
  };
}
