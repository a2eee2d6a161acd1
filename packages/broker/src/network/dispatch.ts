// From the bytes of a request to the bytes of its answer.
//
// What Apache Kafka does with requests that it does not take: for an API key or version that it does not know it closes the
// connection, as no answer would be understood, but an unknown version of ApiVersions it answers in version 0 (KIP-511). It
// closes for a malformed body, too. So is it here, and the reason is logged.
import { ThroughlineError } from '@throughline/event';
import { decodeRequest, encodeResponse, readRequestStart } from '@throughline/wire';
import { apiVersionsApi } from '@throughline/wire/apis';
import { unsupportedApiVersions } from '../apis/api-versions.ts';
import { kafkaErrorOf } from '../apis/error-codes.ts';
import { Unanswered, type ApiRequest, type Handler } from '../apis/handler.ts';
import { handlerOf, handlers } from '../apis/registry.ts';
import type { Services } from '../services.ts';
import type { KafkaCounters } from './kafka-metrics.ts';
import type { Refusal } from './refusals.ts';

/** Who asks. */
export type Peer = Pick<ApiRequest<unknown>, 'clientHost' | 'connectionId' | 'nodeId' | 'signal'>;

/** Chunks to be sent; none when the client wants no answer. */
export type Answer = readonly Uint8Array[];

export interface Dispatched {
  readonly isPipelined: boolean;
  /** Begins to handle the request; called once. Never throws or rejects. */
  begin(): Answer | Promise<Answer | Refusal> | Refusal;
}

const noAnswer: Answer = [];

export function isRefusal(value: Answer | Refusal): value is Refusal {
  return 'reason' in value;
}

/** Reads a frame as far as is needed to know when it may be handled. */
export function dispatch(
  frame: Uint8Array,
  peer: Peer,
  services: Services,
  counters: KafkaCounters,
): Dispatched | Refusal {
  const start = readRequestStart(frame);
  const { apiKey, apiVersion } = start;
  const found = handlerOf(apiKey);
  if (found === undefined) {
    return {
      reason: 'unsupported-api',
      message: 'closed a connection that asked for an API which this broker does not have',
      fields: { apiKey, apiVersion },
    };
  }
  const { api } = found;
  if (apiVersion < api.versionMin || apiVersion > api.versionMax) {
    if (api.key !== apiVersionsApi.key) return unsupportedVersion(found, apiVersion);
    const head = { apiVersion: 0, correlationId: start.correlationId };
    const answer = encodeResponse(apiVersionsApi, head, unsupportedApiVersions(handlers));
    return { isPipelined: false, begin: () => answer };
  }
  return {
    isPipelined: found.isPipelined ?? false,
    begin: () => {
      counters.countRequest(api.name);
      return handle(found, frame, peer, services, counters);
    },
  };
}

function unsupportedVersion({ api }: Handler, apiVersion: number): Refusal {
  return {
    reason: 'unsupported-version',
    message: 'closed a connection whose client is too old or too new for this broker',
    fields: { api: api.name, apiVersion, versionMin: api.versionMin, versionMax: api.versionMax },
  };
}

function handle(
  found: Handler,
  frame: Uint8Array,
  peer: Peer,
  services: Services,
  counters: KafkaCounters,
): Answer | Promise<Answer | Refusal> | Refusal {
  const { api } = found;
  let decoded: ReturnType<typeof decodeRequest>;
  try {
    decoded = decodeRequest(api, frame);
  } catch (error) {
    return malformed(found, frame, error);
  }
  const { header, body } = decoded;
  const request: ApiRequest<unknown> = { version: header.apiVersion, body, clientId: header.clientId, ...peer };
  const encode = (response: unknown): Answer | Refusal => {
    if (response instanceof Unanswered) {
      counters.countFailure(api.name);
      return { ...unansweredRefusal, fields: { api: api.name, ...response.fields } };
    }
    return response === undefined ? noAnswer : encodeResponse(api, header, response);
  };
  const fail = (error: unknown): Answer | Refusal => {
    counters.countFailure(api.name);
    const errorCode = kafkaErrorOf(error);
    if (errorCode === -1) {
      services.logger.error({ api: api.name, apiVersion: header.apiVersion, error }, 'a request met a defect');
    }
    try {
      return encode(found.failed(request, errorCode));
    } catch (failure) {
      services.logger.error({ api: api.name, error: failure }, 'the answer to a failed request met a defect');
      return {
        reason: 'no-answer-possible',
        message: 'closed a connection whose request could not be answered',
        fields: { api: api.name, errorCode },
      };
    }
  };
  try {
    const response = found.handle(services, request);
    return response instanceof Promise ? response.then(encode).catch(fail) : encode(response);
  } catch (error) {
    return fail(error);
  }
}

const unansweredRefusal = {
  reason: 'refused-without-answer',
  message: 'closed a connection whose request was refused and wanted no answer',
} as const;

function malformed({ api }: Handler, frame: Uint8Array, error: unknown): Refusal {
  const { apiVersion } = readRequestStart(frame);
  return {
    reason: 'malformed-request',
    message: 'closed a connection whose request does not have the form of its version',
    fields: { api: api.name, apiVersion, frameBytes: frame.length, problem: ThroughlineError.from(error).message },
  };
}
