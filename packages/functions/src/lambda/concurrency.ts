// AWS's API of concurrency: how many invocations of a function may run at once (reserved), and how many processes are kept loaded
// (provisioned). What is put holds at once, in place of the configuration's, until it is deleted.
//
// Provisioned concurrency is a version's or an alias's on AWS. Here the function itself has it: its qualifier is `$LATEST`.
// Source: AWS Lambda API reference, PutFunctionConcurrency, PutProvisionedConcurrencyConfig and their neighbours.
import { number, object } from '@throughline/event';
import type { Hono } from 'hono';
import { concurrencyProblem, type FunctionSettings } from '../settings/function-settings.ts';
import { AwsError, configuredOnly, invalidParameter } from './aws-error.ts';
import { arnOf } from './function-name.ts';
import type { Caller } from './function-url.ts';
import { findFunction, type CalledFunction, type LambdaServices } from './invocation-request.ts';
import { narrowed, readFields } from './read-body.ts';

const count = { min: 0, integer: true } as const;
const reservedSchema = object({ ReservedConcurrentExecutions: number(count) });
const provisionedSchema = object({ ProvisionedConcurrentExecutions: number({ min: 1, integer: true }) });

export function addConcurrencyRoutes(
  hono: Hono<{ Bindings: Caller }>,
  services: LambdaServices,
  settings: FunctionSettings,
): void {
  addReservedRoutes(hono, services, settings);
  addProvisionedRoutes(hono, services, settings);
}

/** AWS's answer to what is reserved; nothing where nothing is. */
export function reservedJson({ hosted }: Pick<CalledFunction, 'hosted'>): Record<string, unknown> {
  const { reservedConcurrency } = hosted.invoker.config;
  return reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency };
}

function addReservedRoutes(
  hono: Hono<{ Bindings: Caller }>,
  services: LambdaServices,
  settings: FunctionSettings,
): void {
  const kind = 'reserved-concurrency';
  const path = '/2017-10-31/functions/:name/concurrency';
  hono.put(path, async ({ req }) => {
    const found = findFunction(services, req.param('name'), req.raw);
    const { ReservedConcurrentExecutions: asked } = narrowed(reservedSchema, await readFields(req.raw));
    check('ReservedConcurrentExecutions', asked);
    await settings.caughtUp();
    const { provisionedConcurrency } = found.hosted.invoker.config;
    if (asked < provisionedConcurrency) {
      throw invalidParameter(
        `ReservedConcurrentExecutions (${asked}) is below the provisioned concurrency (${provisionedConcurrency})`,
      );
    }
    await settings.put(found.name, { kind, setting: { count: asked } });
    return Response.json(reservedJson(found));
  });
  hono.delete(path, async ({ req }) => {
    const { name } = findFunction(services, req.param('name'), req.raw);
    await settings.caughtUp();
    if (settings.reserved(name) !== undefined) await settings.put(name, { kind, setting: null });
    else if (settings.configured(name).reservedConcurrency !== undefined) {
      throw configuredOnly(`The reserved concurrency of ${name}`);
    }
    return new Response(null, { status: 204 });
  });
  hono.get('/2019-09-30/functions/:name/concurrency', async ({ req }) => {
    const found = findFunction(services, req.param('name'), req.raw);
    await settings.caughtUp();
    return Response.json(reservedJson(found));
  });
}

function addProvisionedRoutes(
  hono: Hono<{ Bindings: Caller }>,
  services: LambdaServices,
  settings: FunctionSettings,
): void {
  const kind = 'provisioned-concurrency';
  const path = '/2019-09-30/functions/:name/provisioned-concurrency';
  const find = async (name: string, request: Request): Promise<CalledFunction> => {
    const found = findFunction(services, name, request);
    if (found.qualifier === undefined) throw invalidParameter('Qualifier must be given: $LATEST');
    await settings.caughtUp();
    return found;
  };
  const json = (found: CalledFunction): Record<string, unknown> => {
    const changedMs = settings.provisioned(found.name)?.changedMs ?? services.startedMs;
    return { ...provisionedState(found), LastModified: new Date(changedMs).toISOString() };
  };

  hono.put(path, async ({ req }) => {
    const found = await find(req.param('name'), req.raw);
    const { ProvisionedConcurrentExecutions: asked } = narrowed(provisionedSchema, await readFields(req.raw));
    check('ProvisionedConcurrentExecutions', asked);
    const { reservedConcurrency = Infinity } = found.hosted.invoker.config;
    if (asked > reservedConcurrency) {
      throw invalidParameter(
        `ProvisionedConcurrentExecutions (${asked}) is above the reserved concurrency (${reservedConcurrency})`,
      );
    }
    await settings.put(found.name, { kind, setting: { count: asked } });
    return Response.json(json(found), { status: 202 });
  });
  hono.get(path, async ({ req }) => {
    if (req.query('List') === 'ALL') {
      const found = findFunction(services, req.param('name'), req.raw);
      await settings.caughtUp();
      const { name, hosted } = found;
      const all = hosted.invoker.config.provisionedConcurrency === 0 ? [] : [json(found)];
      const FunctionArn = `${arnOf(name)}:$LATEST`;
      return Response.json({ ProvisionedConcurrencyConfigs: all.map((one) => ({ FunctionArn, ...one })) });
    }
    const found = await find(req.param('name'), req.raw);
    if (found.hosted.invoker.config.provisionedConcurrency > 0) return Response.json(json(found));
    const message = 'No Provisioned Concurrency Config found for this function';
    throw new AwsError('ProvisionedConcurrencyConfigNotFoundException', 404, message);
  });
  hono.delete(path, async ({ req }) => {
    const { name } = await find(req.param('name'), req.raw);
    if (settings.provisioned(name) !== undefined) await settings.put(name, { kind, setting: null });
    else if (settings.configured(name).provisionedConcurrency !== undefined) {
      throw configuredOnly(`The provisioned concurrency of ${name}`);
    }
    return new Response(null, { status: 204 });
  });
}

/** @throws AwsError InvalidParameterValueException */
function check(name: string, asked: number): void {
  const problem = concurrencyProblem({ count: asked });
  if (problem !== undefined) throw invalidParameter(`${name}: ${problem}`);
}

/** How far the function is with what is asked of it. */
function provisionedState({ hosted }: CalledFunction): Record<string, unknown> {
  const { provisionedConcurrency: requested } = hosted.invoker.config;
  const { environments, initError, startError } = hosted.invoker.status();
  const ready = environments.filter(({ state }) => state !== 'starting').length;
  const available = Math.min(ready, requested);
  const problem = initError ?? startError;
  return {
    RequestedProvisionedConcurrentExecutions: requested,
    AvailableProvisionedConcurrentExecutions: available,
    AllocatedProvisionedConcurrentExecutions: available,
    Status: available >= requested ? 'READY' : problem === undefined ? 'IN_PROGRESS' : 'FAILED',
    ...(available >= requested || problem === undefined ? {} : { StatusReason: problem.message }),
  };
}
