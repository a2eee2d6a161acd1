// Requests and responses as frames on a connection (kafka.apache.org/protocol#protocol_common):
//
//   Frame => size INT32, header, body                       size = bytes of header and body
//   RequestHeader v1 => api_key INT16, api_version INT16, correlation_id INT32, client_id NULLABLE_STRING
//   RequestHeader v2 => the same, then tagged fields        in flexible versions; client_id is never compact
//   ResponseHeader v0 => correlation_id INT32
//   ResponseHeader v1 => the same, then tagged fields       in flexible versions, but never for ApiVersions (KIP-511)
import type { Api, Read } from './api.ts';
import { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import { Reader } from './reader.ts';

const apiVersionsKey = 18;

export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
}

/** The head of a request without its size: API key, version and correlation id are there even when the API is unknown. */
export function readRequestStart(frame: Uint8Array): Omit<RequestHeader, 'clientId'> {
  const reader = new Reader(frame);
  return { apiKey: reader.int16(), apiVersion: reader.int16(), correlationId: reader.int32() };
}

/** Reads a request without its size. @throws ThroughlineError INVALID_ARGUMENT */
export function decodeRequest<Request>(
  api: Api<Request>,
  frame: Uint8Array,
): { readonly header: RequestHeader; readonly body: Read<Request> } {
  const { apiKey, apiVersion, correlationId } = readRequestStart(frame);
  const format = formatOf(api, apiVersion);
  const head = new Reader(frame, 8);
  const clientId = head.nullableString();
  if (format.isFlexible) head.taggedFields();
  const body = api.readRequest(new MessageReader(frame, format, { start: head.position }));
  return { header: { apiKey, apiVersion, correlationId, clientId }, body };
}

/** Writes a request with its size. @throws ThroughlineError INVALID_ARGUMENT when a length in it does not fit its field */
export function encodeRequest<Request>(
  api: Api<Request>,
  { apiVersion, correlationId, clientId }: Omit<RequestHeader, 'apiKey'>,
  body: Request,
): Uint8Array[] {
  const to = new MessageWriter(formatOf(api, apiVersion));
  to.int32(0);
  to.int16(api.key);
  to.int16(apiVersion);
  to.int32(correlationId);
  to.plainString(clientId);
  if (to.isFlexible) to.taggedFields();
  api.writeRequest(to, body);
  to.int32At(0, to.sizeBytes - 4);
  return to.chunks();
}

/** Reads a response without its size. @throws ThroughlineError INVALID_ARGUMENT */
export function decodeResponse<Response>(
  api: Api<unknown, Response> | Api<never, Response>,
  apiVersion: number,
  frame: Uint8Array,
): { readonly correlationId: number; readonly body: Read<Response> } {
  const format = formatOf(api, apiVersion);
  const head = new Reader(frame);
  const correlationId = head.int32();
  if (hasTaggedResponseHeader(api, format.isFlexible)) head.taggedFields();
  return { correlationId, body: api.readResponse(new MessageReader(frame, format, { start: head.position })) };
}

/** Writes a response with its size, as chunks to be sent one after the other. */
export function encodeResponse<Response>(
  api: Pick<Api<never, Response>, 'key' | 'flexibleFrom' | 'writeResponse'>,
  { apiVersion, correlationId }: Pick<RequestHeader, 'apiVersion' | 'correlationId'>,
  body: Response,
): Uint8Array[] {
  const to = new MessageWriter(formatOf(api, apiVersion));
  to.int32(0);
  to.int32(correlationId);
  if (hasTaggedResponseHeader(api, to.isFlexible)) to.taggedFields();
  api.writeResponse(to, body);
  to.int32At(0, to.sizeBytes - 4);
  return to.chunks();
}

function formatOf({ flexibleFrom }: { readonly flexibleFrom: number }, version: number): Format {
  return { version, isFlexible: version >= flexibleFrom };
}

interface Format {
  readonly version: number;
  readonly isFlexible: boolean;
}

function hasTaggedResponseHeader({ key }: { readonly key: number }, isFlexible: boolean): boolean {
  return isFlexible && key !== apiVersionsKey;
}
