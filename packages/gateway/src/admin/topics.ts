// GET /v1/topics: what `throughline topics` prints.
import type { GatewayContext } from '../context.ts';
import { jsonResponse } from '../error-response.ts';

export async function listTopics({ log }: GatewayContext): Promise<Response> {
  return jsonResponse({ topics: await log.admin.topics() });
}
