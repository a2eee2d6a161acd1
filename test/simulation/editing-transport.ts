// A transport that stands between the network and the broker and changes messages on their way, for bugs that are planted in what the
// broker says and hears: whole frames are cut out of the stream, decoded by the tables of the wire, changed, and written anew.
import type { ConnectionListeners, Transport, TransportConnection } from '@throughline/broker';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestStart,
  type Api,
} from '@throughline/wire';

/** What is done to the messages of one API. */
export interface Edit<Request, Response> {
  readonly api: Api<Request, Response>;
  readonly request?: (body: Request) => Request;
  readonly response?: (body: Response) => Response;
}

/** Any of them. */
export type AnyEdit = Edit<never, never>;

/** Keeps the types of an edit while a list holds them as one kind. */
export function edit<Request, Response>(one: Edit<Request, Response>): AnyEdit {
  return one as unknown as AnyEdit;
}

export function editingTransport(inner: Transport, edits: readonly AnyEdit[]): Transport {
  return {
    listen: (address, onConnection) =>
      inner.listen(address, (connection) => onConnection(new EditedConnection(connection, edits))),
  };
}

class EditedConnection implements TransportConnection {
  readonly #inner: TransportConnection;
  readonly #edits: readonly AnyEdit[];
  /** The versions of the requests that are to be answered, by correlation id. */
  readonly #asked = new Map<number, { readonly edit: AnyEdit; readonly apiVersion: number }>();
  #received: Buffer = Buffer.alloc(0);

  constructor(inner: TransportConnection, edits: readonly AnyEdit[]) {
    this.#inner = inner;
    this.#edits = edits;
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  get remotePort(): number {
    return this.#inner.remotePort;
  }

  get unsentBytes(): number {
    return this.#inner.unsentBytes;
  }

  listen(listeners: ConnectionListeners): void {
    this.#inner.listen({
      ...listeners,
      onData: (chunk) => {
        this.#received = Buffer.concat([this.#received, chunk]);
        while (this.#received.length >= 4) {
          const end = 4 + this.#received.readInt32BE(0);
          if (this.#received.length < end) return;
          const frame = new Uint8Array(this.#received.subarray(0, end));
          this.#received = this.#received.subarray(end);
          listeners.onData(this.#editedRequest(frame));
        }
      },
    });
  }

  /** The broker writes each answer at once and whole. */
  write(chunks: readonly Uint8Array[]): void {
    const frame = new Uint8Array(Buffer.concat(chunks));
    const correlationId = new DataView(frame.buffer).getInt32(4);
    const asked = this.#asked.get(correlationId);
    this.#asked.delete(correlationId);
    if (asked?.edit.response === undefined) return this.#inner.write([frame]);
    const { edit: one, apiVersion } = asked;
    const { body } = decodeResponse(one.api, apiVersion, frame.subarray(4));
    this.#inner.write(encodeResponse(one.api, { apiVersion, correlationId }, one.response!(body)));
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }

  #editedRequest(frame: Uint8Array): Uint8Array {
    const { apiKey, apiVersion, correlationId } = readRequestStart(frame.subarray(4));
    const found = this.#edits.find(({ api }) => api.key === apiKey);
    if (found === undefined) return frame;
    this.#asked.set(correlationId, { edit: found, apiVersion });
    if (found.request === undefined) return frame;
    const { header, body } = decodeRequest(found.api, frame.subarray(4));
    return new Uint8Array(Buffer.concat(encodeRequest(found.api, header, found.request(body))));
  }
}
