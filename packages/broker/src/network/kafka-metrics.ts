// What the Kafka server counts; everything since it began to listen.
import type { RejectionReason } from './rejections.ts';

export interface KafkaMetrics {
  /** Connections that are open now. */
  readonly connectionCount: number;
  /** Connections that ever came, rejected ones included. */
  readonly connectionTotal: number;
  /** Requests by the name of their API (`Produce`). */
  readonly requestTotals: ReadonlyMap<string, number>;
  /** Requests that failed as a whole by the name of their API. */
  readonly failureTotals: ReadonlyMap<string, number>;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Bytes of the requests that are under way. */
  readonly requestBytes: number;
  /** Record bytes of the Fetch answers that are not sent. */
  readonly responseBytes: number;
  /** Connections that this side closed, by reason. */
  readonly rejectionTotals: ReadonlyMap<RejectionReason, number>;
}

/** The counters behind `KafkaMetrics`. */
export class KafkaCounters {
  connectionTotal = 0;
  receivedBytes = 0;
  sentBytes = 0;
  readonly requestTotals = new Map<string, number>();
  readonly failureTotals = new Map<string, number>();

  countRequest(apiName: string): void {
    this.requestTotals.set(apiName, (this.requestTotals.get(apiName) ?? 0) + 1);
  }

  countFailure(apiName: string): void {
    this.failureTotals.set(apiName, (this.failureTotals.get(apiName) ?? 0) + 1);
  }
}
