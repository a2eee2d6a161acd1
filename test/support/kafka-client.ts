// A raw Kafka client over the tables of the wire floor: one connection, any API in any version, pipelined or as bare bytes.
// It retries nothing and hides nothing, so that a test sees what the broker does.
import { assert } from '@throughline/event';
import { decodeResponse, encodeRequest, type Api, type Read } from '@throughline/wire';
import { connect, type Socket } from 'node:net';

export interface KafkaClientOptions {
  readonly clientId?: string | null;
}

/** Connects to `host:port`. */
export async function connectKafka(address: string, options: KafkaClientOptions = {}): Promise<KafkaClient> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  const socket = connect({ host, port: Number(address.slice(colon + 1)), noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', resolve);
  });
  return new KafkaClient(socket, options);
}

export class KafkaClient {
  /** Resolves when the connection is closed, by whichever side. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #clientId: string | null;
  #received: Buffer = Buffer.alloc(0);
  #isClosed = false;
  #correlationId = 0;
  /** Answers that came and were not asked for yet, and askers whose answer has not come: in order, never both. */
  readonly #frames: Uint8Array[] = [];
  readonly #waiting: { readonly resolve: (frame: Uint8Array) => void; readonly reject: (error: Error) => void }[] = [];

  constructor(socket: Socket, { clientId = 'raw-test-client' }: KafkaClientOptions) {
    this.#socket = socket;
    this.#clientId = clientId;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.on('close', () => resolve()));
    void this.closed.then(() => {
      this.#isClosed = true;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the broker closed the connection'));
    });
  }

  /** Sends a request and waits for its answer. */
  async call<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    body: NoInfer<Request>,
  ): Promise<Read<Response>> {
    const correlationId = this.send(api, version, body);
    return this.answer(api, version, correlationId);
  }

  /** Sends a request without waiting; returns its correlation id. Answers come in the order of the requests. */
  send<Request, Response>(api: Api<Request, Response>, version: number, body: NoInfer<Request>): number {
    const correlationId = ++this.#correlationId;
    const head = { apiVersion: version, correlationId, clientId: this.#clientId };
    this.sendRaw(...encodeRequest(api, head, body));
    return correlationId;
  }

  /** The next answer, which must be that of `correlationId`. */
  async answer<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    correlationId: number,
  ): Promise<Read<Response>> {
    const decoded = decodeResponse<Response>(api, version, await this.nextFrame());
    assert(decoded.correlationId === correlationId, 'answers come in the order of the requests');
    return decoded.body;
  }

  /** Sends bytes as they are. */
  sendRaw(...chunks: readonly Uint8Array[]): void {
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
  }

  /** The next frame that came, without its size; rejects when the connection closes before. */
  nextFrame(): Promise<Uint8Array> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#isClosed) return Promise.reject(new Error('the broker closed the connection'));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Bytes that came and are no whole frame. */
  get rest(): Uint8Array {
    return this.#received;
  }

  /** Stops and begins reading, as a slow client would. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says that no more will be sent, and goes on reading. */
  end(): void {
    this.#socket.end();
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE(0);
      if (end < 4 || this.#received.length < end) return;
      const frame = this.#received.subarray(4, end);
      this.#received = this.#received.subarray(end);
      const asker = this.#waiting.shift();
      if (asker === undefined) this.#frames.push(frame);
      else asker.resolve(frame);
    }
  }
}
