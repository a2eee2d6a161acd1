// What answers the requests of one API. The registry holds them all, and ApiVersions says what the registry holds.
import type { LogFields } from '@throughline/event';
import type { Api, KafkaErrorName, Read } from '@throughline/wire';
import type { Services } from './services.ts';

export interface ApiRequest<Body> {
  readonly version: number;
  readonly body: Read<Body>;
  readonly clientId: string | null;
  /** Who asks, as Kafka writes it: `/127.0.0.1`. */
  readonly clientHost: string;
  /** Of the connection, unique within the broker. */
  readonly connectionId: number;
  /** The virtual node whose listener was asked. */
  readonly nodeId: number;
  /** Aborts when the connection is gone: whoever waits (Fetch, JoinGroup) may stop. */
  readonly signal: AbortSignal;
  /** Calls `listener` once nobody looks at the bytes of the answer any more: they are sent, or never will be. */
  readonly onSent: (listener: () => void) => void;
}

/**
 * Instead of an answer to a request that wants none (Produce with acks=0) and was rejected: the connection is closed, which
 * is how such a client learns of it, in Kafka too.
 */
export class Unanswered {
  /** What was rejected and why, for the log. */
  readonly fields: LogFields;

  constructor(fields: LogFields) {
    this.fields = fields;
  }
}

export interface Handler<Request = unknown, Response = unknown> {
  readonly api: Api<Request, Response>;
  /** The lowest version that is advertised, where that is not the lowest one answered (KAFKA-18659). */
  readonly advertisedVersionMin?: number;
  /**
   * True for Produce: the next request of the connection may begin while this one waits for the disk. All others begin
   * when those before them are answered, as in Kafka; answers always go out in the order of the requests.
   */
  readonly isPipelined?: boolean;
  /**
   * Answers a request; undefined is no answer at all (Produce with acks=0). What it throws is a defect or an error that
   * error-codes.ts knows; where a response has a place for an error, the handler puts it there itself.
   */
  handle(
    services: Services,
    request: ApiRequest<Request>,
  ): Response | Unanswered | undefined | Promise<Response | Unanswered | undefined>;
  /** The answer to a request that failed as a whole, with `errorCode` where this API's responses have their place for it. */
  failed(request: ApiRequest<Request>, errorCode: KafkaErrorName): Response;
}

/** Keeps the types of a handler while the registry holds them as one kind. */
export function handler<Request, Response>(one: Handler<Request, Response>): Handler {
  return one;
}
