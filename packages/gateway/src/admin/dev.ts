// The "break it" menu's endpoints. They are there only when the server that built the gateway handed in the actions, which
// it does in development mode alone.
import { idSchema, object, optional, ThroughlineError } from '@throughline/event';
import type { GatewayContext } from '../context/context.ts';
import { crashAfterMs } from '../defaults.ts';
import { jsonResponse } from '../http/error-response.ts';
import { readJson, readNothing } from '../http/request-body.ts';

const killSchema = object({ runId: optional(idSchema) });

/** POST /v1/dev/kill-function `{ runId? }` */
export async function killFunction(
  { neighbours: { dev }, settings }: GatewayContext,
  request: Request,
): Promise<Response> {
  if (dev === undefined) throw notHere();
  const { runId } = await readJson(request, killSchema, settings.bodyBytesMax);
  return jsonResponse(await dev.killFunction(runId), 202);
}

/** POST /v1/dev/crash-server: the answer leaves first. */
export async function crashServer(context: GatewayContext, request: Request): Promise<Response> {
  const { neighbours, settings, clock, logger } = context;
  const { dev } = neighbours;
  if (dev === undefined) throw notHere();
  await readNothing(request, settings.bodyBytesMax);
  clock.after(crashAfterMs, () => {
    dev
      .crashServer()
      .catch((error: unknown) => logger.error({ reason: String(error) }, 'the server could not be crashed'));
  });
  return jsonResponse({ crashing: true }, 202);
}

function notHere(): ThroughlineError {
  return new ThroughlineError('NOT_FOUND', 'only a server in development mode can be broken by hand');
}
