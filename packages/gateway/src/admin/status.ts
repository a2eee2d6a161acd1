// What the server says about itself: status for people, health and readiness for orchestrators, metrics for Prometheus.
import type { GatewayContext, Neighbours } from '../context/context.ts';
import { jsonResponse } from '../http/error-response.ts';
import type { ConversationsOfTopic } from '../live/conversations-of-topic.ts';

/** GET /v1/status: what the server that built this gateway knows, and what the gateway knows beside it. */
export async function getStatus(context: GatewayContext): Promise<Response> {
  const { wholeLog, streams, neighbours } = context;
  const { cache, index } = context.conversations;
  const [known, topics] = await Promise.all([neighbours.status(), wholeLog.admin.topics()]);
  const folds = Array.isArray(known['folds']) ? known['folds'] : [];
  return jsonResponse({
    ...known,
    topics,
    folds: [...folds, index.status()],
    warnings: neighbours.warnings().map((warning) => warning.toJSON()),
    gateway: { openStreams: streams.count, cachedConversations: cache.count, cachedBytes: cache.bytes },
  });
}

interface Readiness {
  readonly conversations: {
    readonly index: Pick<ConversationsOfTopic['index'], 'status'>;
    readonly tail: Pick<ConversationsOfTopic['tail'], 'problem' | 'topicProblem'>;
  };
  readonly neighbours: Pick<Neighbours, 'trouble' | 'warnings'>;
}

/**
 * GET /readyz: 200 once the index has caught up with the log that was there at the start, the log can be read and its topic
 * is there; else 503 with the reason, whichever of them has met it first. A defect that the process has met, or its lost data folder, is a reason of
 * its own. What is not as it should be and keeps nobody from working are warnings.
 */
export function getReadiness({ conversations: { index, tail }, neighbours }: Readiness): Response {
  const { phase, lastError } = index.status();
  const { problem, topicProblem } = tail;
  const trouble = neighbours.trouble();
  const isReady = phase === 'live' && problem === undefined && topicProblem === undefined && trouble === undefined;
  const error = topicProblem?.toJSON() ?? lastError ?? problem?.toJSON() ?? trouble;
  const warnings = neighbours.warnings().map((warning) => warning.toJSON());
  return jsonResponse(
    {
      ready: isReady,
      conversations: phase,
      ...(error === undefined ? {} : { error }),
      ...(warnings.length === 0 ? {} : { warnings }),
    },
    isReady ? 200 : 503,
  );
}

/** GET /metrics */
export function getMetrics({ metrics, neighbours, conversations, streams }: GatewayContext): Response {
  const { index, cache } = conversations;
  const { lagRecords, skippedRecords, damagedRecords } = index.status();
  const text = metrics.text({
    openStreams: streams.count,
    cachedConversations: cache.count,
    cachedBytes: cache.bytes,
    foldLagRecords: lagRecords,
    skippedRecords,
    damagedRecords,
  });
  return new Response(text + neighbours.moreMetrics(), {
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
  });
}
