// GET /v1/topics: what `throughline topics` prints.
import type { LogApiContext } from './log-api-context.ts';
import { jsonResponse } from '../error-response.ts';

export async function listTopics({ log }: LogApiContext): Promise<Response> {
  return jsonResponse({ topics: await log.admin.topics() });
}
