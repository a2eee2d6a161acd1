// What the server says about functions: each with its processes and what calls it.
import { ThroughlineError } from '@throughline/event';
import type { GatewayContext } from '../context/context.ts';
import { jsonResponse } from '../http/error-response.ts';

type Described = Readonly<Record<string, unknown>>;

/** GET /v1/functions */
export async function listFunctions(context: GatewayContext): Promise<Response> {
  return jsonResponse({ functions: await describedFunctions(context) });
}

/**
 * GET /v1/functions/:name
 *
 * @throws ThroughlineError UNKNOWN_FUNCTION
 */
export async function getFunction(context: GatewayContext, name: string): Promise<Response> {
  const found = (await describedFunctions(context)).find((one) => one['name'] === name);
  if (found === undefined)
    throw new ThroughlineError('UNKNOWN_FUNCTION', `there is no function ${JSON.stringify(name)}`);
  return jsonResponse(found);
}

async function describedFunctions({ neighbours }: GatewayContext): Promise<Described[]> {
  const known = await neighbours.status();
  const triggers = listOf(known['triggers']);
  return listOf(known['functions']).map((one) => ({
    ...one,
    triggers: triggers
      .filter(({ functionName }) => functionName === one['name'])
      .map(({ type, source, problem }) => ({ type, source, ...(problem === undefined ? {} : { problem }) })),
  }));
}

function listOf(value: unknown): readonly Described[] {
  return Array.isArray(value) ? (value as readonly Described[]) : [];
}
