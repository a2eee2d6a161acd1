// A connection to one node of a Kafka cluster over any transport: requests go out at once, answers come back in order. A request
// that is not answered in time breaks the connection, as in the clients of Kafka: nobody knows any more what is still on its way.
import type { Clock } from '@throughline/event';
import type { TransportConnection } from '@throughline/broker';
import { decodeResponse, encodeRequest, type Api, type KafkaErrorName, type Read } from '@throughline/wire';

/** An error in an answer. */
export class KafkaError extends Error {
  readonly error: KafkaErrorName;

  constructor(error: KafkaErrorName, what: string) {
    super(`${what}: ${error}`);
    this.error = error;
  }
}

/** Throws for an error in an answer. */
export function checkError(error: KafkaErrorName, what: string): void {
  if (error !== 'NONE') throw new KafkaError(error, what);
}

interface Waiting {
  readonly resolve: (frame: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

export class KafkaConnection {
  readonly #transport: TransportConnection;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #waiting: Waiting[] = [];
  #received: Buffer = Buffer.alloc(0);
  #correlationId = 0;
  isClosed = false;

  constructor(transport: TransportConnection, clock: Clock, timeoutMs: number) {
    this.#transport = transport;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    transport.listen({
      onData: (chunk) => this.#receive(chunk),
      onDrain: () => {},
      onEnd: () => this.close(),
      onClose: () => this.#closed(),
    });
  }

  /** `waitMs`: how long the broker may wait by itself, on top of the time-out. */
  async call<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    body: NoInfer<Request>,
    waitMs = 0,
  ): Promise<Read<Response>> {
    if (this.isClosed) throw new Error('the connection is closed');
    const correlationId = ++this.#correlationId;
    const frame = new Promise<Uint8Array>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#transport.write(encodeRequest(api, { apiVersion: version, correlationId, clientId: 'workload' }, body));
    const timer = this.#clock.after(this.#timeoutMs + waitMs, () => this.close());
    try {
      const answer = decodeResponse<Response>(api, version, await frame);
      if (answer.correlationId !== correlationId) throw new Error('an answer to another request');
      return answer.body;
    } finally {
      timer.cancel();
    }
  }

  close(): void {
    this.#transport.destroy();
    this.#closed();
  }

  #closed(): void {
    this.isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('the connection is closed'));
  }

  #receive(chunk: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE(0);
      if (this.#received.length < end) return;
      this.#waiting.shift()?.resolve(new Uint8Array(this.#received.subarray(4, end)));
      this.#received = this.#received.subarray(end);
    }
  }
}
