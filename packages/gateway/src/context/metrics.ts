// Figures of this process in Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).

export interface Gauges {
  readonly openStreams: number;
  readonly cachedConversations: number;
  readonly cachedBytes: number;
  readonly foldLagRecords: number;
  readonly skippedRecords: number;
  readonly damagedRecords: number;
}

export class GatewayMetrics {
  readonly #requests = new Map<string, number>();
  readonly #outcomes = new Map<string, number>();
  readonly #bucketsSeconds: readonly number[];
  readonly #bucketCounts: number[];
  #firstTokenCount = 0;
  #firstTokenSeconds = 0;
  #appended = 0;

  constructor(bucketsSeconds: readonly number[]) {
    this.#bucketsSeconds = bucketsSeconds;
    this.#bucketCounts = bucketsSeconds.map(() => 0);
  }

  request(method: string, status: number): void {
    // Methods are the caller's words: an unknown one must not make a series of its own.
    const known = ['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH'].includes(method) ? method : 'other';
    const labels = `method="${known}",status="${status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
  }

  appended(eventCount: number): void {
    this.#appended += eventCount;
  }

  runEnded(outcome: string): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }

  firstToken(seconds: number): void {
    this.#firstTokenCount++;
    this.#firstTokenSeconds += seconds;
    for (const [index, bound] of this.#bucketsSeconds.entries()) {
      if (seconds <= bound) this.#bucketCounts[index] = (this.#bucketCounts[index] ?? 0) + 1;
    }
  }

  text(gauges: Gauges): string {
    const lines: string[] = [];
    const family = (
      name: string,
      type: string,
      help: string,
      samples: readonly (readonly [string, number])[],
    ): void => {
      lines.push(`# HELP throughline_${name} ${help}`, `# TYPE throughline_${name} ${type}`);
      for (const [suffix, value] of samples) lines.push(`throughline_${name}${suffix} ${value}`);
    };
    const labelled = (counts: ReadonlyMap<string, number>) =>
      Array.from(counts, ([labels, value]) => [`{${labels}}`, value] as const);
    family('http_requests_total', 'counter', 'Requests answered.', labelled(this.#requests));
    family('http_open_streams', 'gauge', 'Streams that are open: of server-sent events, and reads of records.', [
      ['', gauges.openStreams],
    ]);
    family('gateway_appended_events_total', 'counter', 'Events that this gateway wrote.', [['', this.#appended]]);
    family(
      'runs_ended_total',
      'counter',
      'Runs that ended while this gateway had their conversation in memory.',
      Array.from(this.#outcomes, ([outcome, value]) => [`{outcome="${outcome}"}`, value] as const),
    );
    family('fold_lag_records', 'gauge', 'Records that the conversation index has not folded yet.', [
      ['{fold="gateway-conversations"}', gauges.foldLagRecords],
    ]);
    family('fold_skipped_records', 'gauge', 'Records of topic conversations that are no valid event.', [
      ['{fold="gateway-conversations"}', gauges.skippedRecords],
    ]);
    family('fold_damaged_records', 'gauge', 'Offsets of topic conversations that cannot be read.', [
      ['{fold="gateway-conversations"}', gauges.damagedRecords],
    ]);
    family('gateway_cached_conversations', 'gauge', 'Conversations held in memory.', [
      ['', gauges.cachedConversations],
    ]);
    family('gateway_cached_bytes', 'gauge', 'Bytes of the records that they were folded from.', [
      ['', gauges.cachedBytes],
    ]);
    family('first_token_seconds', 'histogram', 'From a posted message to the first chunk of its reply.', [
      ...this.#bucketsSeconds.map(
        (bound, index) => [`_bucket{le="${bound}"}`, this.#bucketCounts[index] ?? 0] as const,
      ),
      ['_bucket{le="+Inf"}', this.#firstTokenCount],
      ['_sum', this.#firstTokenSeconds],
      ['_count', this.#firstTokenCount],
    ]);
    return `${lines.join('\n')}\n`;
  }
}
