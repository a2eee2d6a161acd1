// From the bytes of a request to the bytes of its answer.
//
// What Apache Kafka does with requests that it does not take: for an API key or version that it does not know it closes the
// connection, as no answer would be understood, but an unknown version of ApiVersions it answers in version 0 (KIP-511). It
// closes for a malformed body, too. So is it here, and the reason is logged.
import { delayOrAbort, ThroughlineError, unattended } from '@throughline/event';
import {
  decodeRequest,
  encodeResponse,
  Reader,
  readRequestStart,
  type KafkaErrorName,
  type RequestHeader,
} from '@throughline/wire';
import { apiVersionsApi } from '@throughline/wire/apis';
import { unsupportedApiVersions } from '../apis/api-versions.ts';
import { kafkaErrorOf } from '../ground/error-codes.ts';
import { Unanswered, type ApiRequest, type Handler } from '../apis/handler.ts';
import type { Services } from '../apis/services.ts';
import type { CalmLog } from './calm-log.ts';
import type { KafkaCounters } from './kafka-metrics.ts';
import { faultRejection, type Fault, type KafkaFaults } from './kafka-faults.ts';
import type { Rejection } from './rejections.ts';
import type { SupportedApis } from './supported-apis.ts';

/** Which a client asks for first when it is set up for SASL; it is absent until there is any. */
const saslHandshakeKey = 17;

/** Who asks. */
export type Peer = Pick<ApiRequest<unknown>, 'clientHost' | 'connectionId' | 'nodeId' | 'signal'>;

/** Chunks to be sent, none when the client wants no answer; or why the connection is closed instead. */
export type Answer = readonly Uint8Array[] | Rejection;

export interface Dispatched {
  /** The next request may begin while this one is under way. */
  readonly isPipelined: boolean;
  /** Handles the request; called once. Neither throws nor rejects. */
  begin(): Answer | Promise<Answer>;
  /** The bytes of the answer are no longer needed; called once. */
  readonly sent: () => void;
}

export interface DispatcherOptions {
  readonly services: Services;
  readonly apis: SupportedApis;
  readonly counters: KafkaCounters;
  readonly log: CalmLog;
  readonly faults: KafkaFaults | undefined;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Reads a frame as far as to know when it may be handled. */
  dispatch(frame: Uint8Array, peer: Peer): Dispatched | Rejection {
    const { apis } = this.#options;
    const { apiKey, apiVersion, correlationId } = readRequestStart(frame);
    const found = apis.get(apiKey);
    if (found === undefined) return unsupportedApi(apiKey, apiVersion, frame);
    const { api, isPipelined = false } = found;
    if (apiVersion < api.versionMin || apiVersion > api.versionMax) {
      if (api.key !== apiVersionsApi.key) return unsupportedVersion(found, apiVersion, frame);
      const answer = encodeResponse(api, { apiVersion: 0, correlationId }, unsupportedApiVersions(apis.handlers));
      return { isPipelined: false, begin: () => answer, sent: () => {} };
    }
    let decoded: ReturnType<typeof decodeRequest>;
    try {
      decoded = decodeRequest(api, frame);
    } catch (error) {
      return malformed(found, apiVersion, frame, error);
    }
    const { header, body } = decoded;
    const whenSent: (() => void)[] = [];
    const onSent = (listener: () => void): void => void whenSent.push(listener);
    const request: ApiRequest<unknown> = { version: apiVersion, body, clientId: header.clientId, onSent, ...peer };
    const fault = this.#options.faults?.take(api.name, request, this.#options.services.broker);
    const begin = (): Answer | Promise<Answer> => this.#begin(found, header, request, fault);
    // A request that is held up holds up those behind it: they must not overtake it.
    const { logger } = this.#options.services;
    const sent = (): void =>
      whenSent.forEach((listener) => unattended(logger, 'releasing the bytes of an answer', listener));
    return { isPipelined: isPipelined && fault === undefined, begin, sent };
  }

  #begin(
    found: Handler,
    header: RequestHeader,
    request: ApiRequest<unknown>,
    fault: Fault | undefined,
  ): Answer | Promise<Answer> {
    this.#options.counters.countRequest(found.api.name);
    return fault === undefined
      ? this.#handle(found, header, request)
      : this.#handleWithFault(found, header, request, fault);
  }

  #handle(found: Handler, header: RequestHeader, request: ApiRequest<unknown>): Answer | Promise<Answer> {
    try {
      const response = found.handle(this.#options.services, request);
      return response instanceof Promise
        ? response
            .then((later) => this.#encode(found, header, later))
            .catch((error: unknown) => this.#fail(found, header, request, error))
        : this.#encode(found, header, response);
    } catch (error) {
      return this.#fail(found, header, request, error);
    }
  }

  async #handleWithFault(
    found: Handler,
    header: RequestHeader,
    request: ApiRequest<unknown>,
    { delayMs, errorCode, drop }: Fault,
  ): Promise<Answer> {
    // Whoever has gone is waited for no longer; what it asked for is done all the same.
    if (delayMs > 0) await delayOrAbort(this.#options.services.clock, delayMs, request.signal);
    if (drop === 'before-handling') return faultRejection;
    const answer =
      errorCode === undefined
        ? await this.#handle(found, header, request)
        : this.#answerFailure(found, header, request, errorCode);
    return drop === 'after-handling' ? faultRejection : answer;
  }

  #encode({ api }: Handler, header: RequestHeader, response: unknown): Answer {
    if (response === undefined) return [];
    if (!(response instanceof Unanswered)) return encodeResponse(api, header, response);
    this.#options.counters.countFailure(api.name);
    return {
      reason: 'rejected-without-answer',
      message: 'closed a connection whose request was rejected and wanted no answer',
      fields: { api: api.name, ...response.fields },
    };
  }

  /** The answer to a request whose handler threw. */
  #fail(found: Handler, header: RequestHeader, request: ApiRequest<unknown>, error: unknown): Answer {
    const { counters, services, log } = this.#options;
    const { name } = found.api;
    counters.countFailure(name);
    const errorCode = kafkaErrorOf(error);
    const defect = { api: name, apiVersion: header.apiVersion, clientId: header.clientId, error };
    if (errorCode === 'UNKNOWN_SERVER_ERROR') {
      const write = services.logger.error.bind(services.logger);
      log.note(`${name}: ${ThroughlineError.from(error).message}`, write, defect, 'a request met a defect');
    }
    return this.#answerFailure(found, header, request, errorCode);
  }

  #answerFailure(
    found: Handler,
    header: RequestHeader,
    request: ApiRequest<unknown>,
    errorCode: KafkaErrorName,
  ): Answer {
    const { api } = found;
    const unanswered = new Unanswered({ errorCode, clientId: header.clientId });
    try {
      return this.#encode(found, header, wantsAnswer(request.body) ? found.failed(request, errorCode) : unanswered);
    } catch (error) {
      return {
        reason: 'no-answer-possible',
        message: 'closed a connection whose request could not be answered',
        fields: { api: api.name, apiVersion: header.apiVersion, errorCode, error },
      };
    }
  }
}

/** A producer with acks=0 reads no answers: one that comes all the same would be taken for that to something else. */
function wantsAnswer(body: unknown): boolean {
  return (body as { readonly acks?: unknown }).acks !== 0;
}

function unsupportedApi(apiKey: number, apiVersion: number, frame: Uint8Array): Rejection {
  const fields = { apiKey, apiVersion, clientId: clientIdOf(frame) };
  if (apiKey === saslHandshakeKey) {
    return {
      reason: 'unsupported-api',
      message: 'closed a connection that wants SASL: this port has none; set security.protocol=PLAINTEXT',
      fields,
    };
  }
  return {
    reason: 'unsupported-api',
    message: 'closed a connection that asked for an API which this broker does not have',
    fields,
  };
}

function unsupportedVersion({ api }: Handler, apiVersion: number, frame: Uint8Array): Rejection {
  const { name, versionMin, versionMax } = api;
  return {
    reason: 'unsupported-version',
    message: 'closed a connection that asked for a version of an API which this broker does not have',
    fields: { api: name, apiVersion, versionMin, versionMax, clientId: clientIdOf(frame) },
  };
}

function malformed({ api }: Handler, apiVersion: number, frame: Uint8Array, error: unknown): Rejection {
  const problem = ThroughlineError.from(error).message;
  return {
    reason: 'malformed-request',
    message: 'closed a connection whose request does not have the form of its version',
    fields: { api: api.name, apiVersion, frameBytes: frame.length, clientId: clientIdOf(frame), problem },
  };
}

/** The client id stands at one place in every header since version 1; undefined when these bytes are none. */
function clientIdOf(frame: Uint8Array): string | null | undefined {
  try {
    return new Reader(frame, 8).nullableString();
  } catch {
    // Only for the log, where the rest is said already.
    return undefined;
  }
}
