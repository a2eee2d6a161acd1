// The figures of the Kafka port in Prometheus' text format 0.0.4, for GET /metrics.
import type { KafkaMetrics } from '@throughline/broker';

/** @example kafkaMetricsText(served.metrics) // throughline_kafka_connections 3 … */
export function kafkaMetricsText(metrics: KafkaMetrics): string {
  const lines: string[] = [];
  const family = (name: string, type: string, help: string, samples: Iterable<readonly [string, number]>): void => {
    lines.push(`# HELP throughline_kafka_${name} ${help}`, `# TYPE throughline_kafka_${name} ${type}`);
    for (const [labels, value] of samples) lines.push(`throughline_kafka_${name}${labels} ${value}`);
  };
  const by = (label: string, counts: ReadonlyMap<string, number>): [string, number][] =>
    Array.from(counts, ([value, count]) => [`{${label}="${value}"}`, count]);
  family('connections', 'gauge', 'Connections to the Kafka port that are open.', [['', metrics.connectionCount]]);
  family('connections_total', 'counter', 'Connections that ever came.', [['', metrics.connectionTotal]]);
  family(
    'connections_closed_total',
    'counter',
    'Connections that the broker closed.',
    by('reason', metrics.rejectionTotals),
  );
  family('requests_total', 'counter', 'Requests begun.', by('api', metrics.requestTotals));
  family('requests_failed_total', 'counter', 'Requests that failed as a whole.', by('api', metrics.failureTotals));
  family('request_bytes', 'gauge', 'Bytes of the requests under way.', [['', metrics.requestBytes]]);
  family('response_bytes', 'gauge', 'Record bytes of answers not sent.', [['', metrics.responseBytes]]);
  family('received_bytes_total', 'counter', 'Bytes received.', [['', metrics.receivedBytes]]);
  family('sent_bytes_total', 'counter', 'Bytes sent.', [['', metrics.sentBytes]]);
  return `${lines.join('\n')}\n`;
}
