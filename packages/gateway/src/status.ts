// What the server says about itself: status for people, health and readiness for orchestrators, metrics for Prometheus.
import type { GatewayContext } from './context.ts';
import { jsonResponse } from './error-response.ts';

/** GET /v1/status: what the server that built this gateway knows, and what the gateway knows beside it. */
export async function getStatus(context: GatewayContext): Promise<Response> {
  const { log, cache, streams, index } = context;
  const [known, topics] = await Promise.all([context.status(), log.admin.topics()]);
  const folds = Array.isArray(known['folds']) ? known['folds'] : [];
  return jsonResponse({
    ...known,
    topics,
    folds: [...folds, index.status()],
    gateway: { openStreams: streams.count, cachedConversations: cache.count, cachedBytes: cache.bytes },
  });
}

interface Readiness {
  readonly index: Pick<GatewayContext['index'], 'status'>;
  readonly tail: Pick<GatewayContext['tail'], 'problem'>;
  readonly defect: GatewayContext['defect'];
}

/**
 * GET /readyz: 200 once the index has caught up with the log that was there at the start and the log can be read; else 503
 * with the reason, whichever of the two has met it first. A defect that the process has met is a reason of its own.
 */
export function getReadiness({ index, tail, defect }: Readiness): Response {
  const { phase, lastError } = index.status();
  const error = lastError ?? tail.problem?.toJSON() ?? defect();
  const isReady = phase === 'live' && tail.problem === undefined && defect() === undefined;
  return jsonResponse(
    { ready: isReady, conversations: phase, ...(error === undefined ? {} : { error }) },
    isReady ? 200 : 503,
  );
}

/** GET /metrics */
export function getMetrics({ metrics, moreMetrics, index, streams, cache }: GatewayContext): Response {
  const { lagRecords, skippedRecords, damagedRecords } = index.status();
  const text = metrics.text({
    openStreams: streams.count,
    cachedConversations: cache.count,
    cachedBytes: cache.bytes,
    foldLagRecords: lagRecords,
    skippedRecords,
    damagedRecords,
  });
  return new Response(text + moreMetrics(), {
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
  });
}
