// GET /v1/topics: what `throughline topics` prints.
import { jsonResponse } from '../http/error-response.ts';
import type { LogApiContext } from './log-api-context.ts';

export async function listTopics({ log }: LogApiContext): Promise<Response> {
  return jsonResponse({ topics: await log.admin.topics() });
}
