// AWS's API of what holds for asynchronous invocations of a function: /2019-09-25/functions/{FunctionName}/event-invoke-config.
// Put says all anew, and what it leaves out is AWS's default again; Update changes what it names. Both hold in place of the
// configuration's, until Delete; Get and List show what is in force.
// Source: AWS Lambda API reference, the actions of that path.
import { number, object, optional, string, ThroughlineError } from '@throughline/event';
import type { Hono } from 'hono';
import {
  eventInvokeProblem,
  type EventInvokeSetting,
  type FunctionSettings,
  type SaidDestination,
} from '../settings/function-settings.ts';
import { busArn } from '../triggers/bus/bus-event.ts';
import { readDestination } from '../triggers/destination.ts';
import { AwsError, configuredOnly, invalidParameter, notFound } from './aws-error.ts';
import { arnOf, readFunctionName } from './function-name.ts';
import type { Caller } from './function-url.ts';
import { findFunction, type CalledFunction, type LambdaServices } from './invocation-request.ts';
import { narrowed, readFields } from './read-body.ts';

const path = '/2019-09-25/functions/:name/event-invoke-config';
const destination = optional(object({ Destination: optional(string()) }));
const schema = object({
  MaximumRetryAttempts: optional(number({ min: 0, integer: true })),
  MaximumEventAgeInSeconds: optional(number({ min: 0, integer: true })),
  DestinationConfig: optional(object({ OnSuccess: destination, OnFailure: destination })),
});

type Said = Omit<EventInvokeSetting, 'changedMs'>;

export function addEventInvokeRoutes(
  hono: Hono<{ Bindings: Caller }>,
  services: LambdaServices,
  settings: FunctionSettings,
): void {
  const find = (name: string, request: Request): CalledFunction => findFunction(services, name, request);
  /** What is in force and was said by somebody. */
  const said = async (name: string): Promise<EventInvokeSetting | undefined> => {
    await settings.caughtUp();
    return settings.eventInvoke(name) ?? settings.configured(name).eventInvoke;
  };
  const current = async ({ name }: CalledFunction): Promise<EventInvokeSetting> => {
    const setting = await said(name);
    if (setting === undefined) throw notFound(`The function ${latestArn(name)} doesn't have an EventInvokeConfig`);
    return setting;
  };
  const answer = async (found: CalledFunction): Promise<Response> =>
    Response.json(configJson(found.name, await current(found)));

  hono.put(path, async ({ req }) => {
    const found = find(req.param('name'), req.raw);
    const setting = await readSaid(services, found.name, req.raw);
    await settings.put(found.name, { kind: 'event-invoke', setting });
    return answer(found);
  });
  hono.post(path, async ({ req }) => {
    const found = find(req.param('name'), req.raw);
    const named = await readSaid(services, found.name, req.raw);
    const { changedMs: _, ...before } = await current(found);
    await settings.put(found.name, { kind: 'event-invoke', setting: { ...before, ...named } });
    return answer(found);
  });
  hono.get(path, ({ req }) => answer(find(req.param('name'), req.raw)));
  hono.delete(path, async ({ req }) => {
    const found = find(req.param('name'), req.raw);
    await current(found);
    if (settings.eventInvoke(found.name) === undefined) {
      throw configuredOnly(`The EventInvokeConfig of ${found.name}`);
    }
    await settings.put(found.name, { kind: 'event-invoke', setting: null });
    return new Response(null, { status: 204 });
  });
  // There is one version of a function: the list has one line, or none.
  hono.get(`${path}/list`, async ({ req }) => {
    const { name } = find(req.param('name'), req.raw);
    const setting = await said(name);
    return Response.json({ FunctionEventInvokeConfigs: setting === undefined ? [] : [configJson(name, setting)] });
  });
}

/** @throws AwsError InvalidParameterValueException */
async function readSaid(services: LambdaServices, name: string, request: Request): Promise<Said> {
  const {
    MaximumRetryAttempts: attempts,
    MaximumEventAgeInSeconds: age,
    DestinationConfig: destinations,
  } = narrowed(schema, await readFields(request));
  if (attempts === undefined && age === undefined && destinations === undefined) {
    throw invalidParameter('You must specify at least one of error handling or destination setting.');
  }
  const numbers = { maximumRetryAttempts: attempts, maximumEventAgeSeconds: age };
  const problem = eventInvokeProblem(numbers, { attempts: 'MaximumRetryAttempts', age: 'MaximumEventAgeInSeconds' });
  if (problem !== undefined) throw invalidParameter(problem);
  const saidOf = (text: string | undefined): SaidDestination | undefined =>
    text === undefined || text === '' ? undefined : { to: destinationOf(services, name, text), said: text };
  return {
    ...(attempts === undefined ? {} : { maximumRetryAttempts: attempts }),
    ...(age === undefined ? {} : { maximumEventAgeSeconds: age }),
    // Both are said at once: what is not named is removed.
    ...(destinations === undefined
      ? {}
      : {
          onSuccess: saidOf(destinations.OnSuccess?.Destination),
          onFailure: saidOf(destinations.OnFailure?.Destination),
        }),
  };
}

/** A destination in the words of the configuration. @throws AwsError InvalidParameterValueException */
function destinationOf({ functions }: LambdaServices, owner: string, text: string): string {
  const to = inOurWords(text);
  try {
    const target = readDestination(to);
    if (target.kind !== 'function') return to;
    if (target.name === owner) throw invalidParameter("You can't specify the function as a destination for itself.");
    if (functions.has(target.name)) return to;
  } catch (thrown) {
    if (thrown instanceof AwsError) throw thrown;
    const { message } = ThroughlineError.from(thrown);
    throw invalidParameter(
      `${message} here: expected the ARN of a function, of a queue of SQS or of a bus of EventBridge, or kafka://<topic>`,
    );
  }
  throw invalidParameter(`The provided destination ${text} is invalid: there is no such function`);
}

function inOurWords(text: string): string {
  const [, service, name = ''] = /^arn:aws[a-z-]*:(sqs|events):[^:]*:[^:]*:(?:event-bus\/)?(.+)$/.exec(text) ?? [];
  if (service !== undefined) return `${service === 'sqs' ? 'queue' : 'bus'}:${name}`;
  return /^arn:aws[a-z-]*:lambda:/.test(text) ? `function:${readFunctionName(text, undefined).name}` : text;
}

function configJson(name: string, setting: EventInvokeSetting): Record<string, unknown> {
  const { changedMs, maximumRetryAttempts, maximumEventAgeSeconds, onSuccess, onFailure } = setting;
  return {
    LastModified: changedMs / 1000,
    FunctionArn: latestArn(name),
    MaximumRetryAttempts: maximumRetryAttempts,
    MaximumEventAgeInSeconds: maximumEventAgeSeconds,
    DestinationConfig: { OnSuccess: destinationJson(onSuccess), OnFailure: destinationJson(onFailure) },
  };
}

function destinationJson(destination: SaidDestination | undefined): { readonly Destination?: string } {
  if (destination === undefined) return {};
  const { to, said } = destination;
  return { Destination: said === to ? arnOfDestination(to) : said };
}

/** AWS's name of a destination; a topic has none. */
function arnOfDestination(to: string): string {
  const [kind = '', name = ''] = to.split(':');
  if (kind === 'function') return arnOf(name);
  if (kind === 'bus') return busArn(name);
  return kind === 'queue' ? `arn:aws:sqs:us-east-1:000000000000:${name}` : to;
}

function latestArn(name: string): string {
  return `${arnOf(name)}:$LATEST`;
}
