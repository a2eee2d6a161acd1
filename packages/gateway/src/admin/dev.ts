// The "break it" menu's endpoints. They are there only when the server that built the gateway handed in the actions, which
// it does in development mode alone.
import { idSchema, object, optional, unattended } from '@throughline/event';
import type { GatewayContext } from '../context/context.ts';
import type { DevActions } from '../context/ports.ts';
import { crashAfterMs } from '../defaults.ts';
import { jsonResponse } from '../http/error-response.ts';
import { readJson, readNothing } from '../http/request-body.ts';

const killSchema = object({ runId: optional(idSchema) });

/** POST /v1/dev/kill-function `{ runId? }` */
export async function killFunction({ settings }: GatewayContext, dev: DevActions, request: Request): Promise<Response> {
  const { runId } = await readJson(request, killSchema, settings.bodyBytesMax);
  return jsonResponse(await dev.killFunction(runId), 202);
}

/** POST /v1/dev/crash-server: the answer leaves first. */
export async function crashServer(
  { settings, clock, logger }: GatewayContext,
  dev: DevActions,
  request: Request,
): Promise<Response> {
  await readNothing(request, settings.bodyBytesMax);
  clock.after(crashAfterMs, () => unattended(logger, 'crashing the server, as was asked for', () => dev.crashServer()));
  return jsonResponse({ crashing: true }, 202);
}
