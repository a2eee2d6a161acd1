// The shortest network: what one side writes, the other one is given in the next turn of the event loop, in pieces as they were written.
// No latency and no loss, so that a million frames take minutes.
import type { ConnectionListeners, Transport, TransportConnection } from '@throughline/broker';

export class DirectNetwork implements Transport {
  #accept: ((connection: TransportConnection) => void) | undefined;

  async listen(
    { host, port }: { readonly host: string; readonly port: number },
    onConnection: (connection: TransportConnection) => void,
  ): Promise<{ host: string; port: number; close(): Promise<void> }> {
    this.#accept = onConnection;
    return { host, port: port === 0 ? 9092 : port, close: async () => {} };
  }

  connect(): TransportConnection {
    const near = new DirectEnd();
    const far = new DirectEnd();
    near.peer = far;
    far.peer = near;
    this.#accept!(far);
    return near;
  }
}

class DirectEnd implements TransportConnection {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 1;
  readonly unsentBytes = 0;
  peer!: DirectEnd;
  #listeners: ConnectionListeners | undefined;
  #isClosed = false;
  #hasEnded = false;
  #isPaused = false;
  #held: Uint8Array[] = [];

  listen(listeners: ConnectionListeners): void {
    this.#listeners = listeners;
  }

  write(chunks: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(chunks);
    setImmediate(() => this.peer.#give(bytes));
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) setImmediate(() => this.#give(bytes));
  }

  end(): void {
    this.#hasEnded = true;
    setImmediate(() => {
      if (!this.peer.#isClosed) this.peer.#listeners?.onEnd();
      if (this.peer.#hasEnded) this.destroy();
    });
  }

  destroy(): void {
    this.#close();
    this.peer.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    setImmediate(() => this.#listeners?.onClose());
  }

  #give(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#isPaused) this.#held.push(bytes);
    else this.#listeners?.onData(bytes);
  }
}
