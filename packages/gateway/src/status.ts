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
    warnings: context.warnings().map((warning) => warning.toJSON()),
    gateway: { openStreams: streams.count, cachedConversations: cache.count, cachedBytes: cache.bytes },
  });
}

interface Readiness {
  readonly index: Pick<GatewayContext['index'], 'status'>;
  readonly tail: Pick<GatewayContext['tail'], 'problem'>;
  readonly topicProblem: GatewayContext['topicProblem'];
  readonly warnings: GatewayContext['warnings'];
  readonly defect: GatewayContext['defect'];
}

/**
 * GET /readyz: 200 once the index has caught up with the log that was there at the start, the log can be read and its topic
 * is there; else 503 with the reason, whichever of them has met it first. A defect that the process has met is a reason of
 * its own. What is not as it should be and keeps nobody from working are warnings.
 */
export function getReadiness({ index, tail, topicProblem, warnings, defect }: Readiness): Response {
  const { phase, lastError } = index.status();
  const problem = topicProblem();
  const isReady = phase === 'live' && tail.problem === undefined && problem === undefined && defect() === undefined;
  const error = problem?.toJSON() ?? lastError ?? tail.problem?.toJSON() ?? defect();
  const warned = warnings().map((warning) => warning.toJSON());
  return jsonResponse(
    {
      ready: isReady,
      conversations: phase,
      ...(error === undefined ? {} : { error }),
      ...(warned.length === 0 ? {} : { warnings: warned }),
    },
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
