// A network in memory, for simulations: connections that are slow, cut what is written into other pieces, stall, and break with
// what was on its way lost. What it keeps is what TCP keeps: bytes of one direction arrive in order, without gaps, or not
// at all. All its randomness and all its time are handed in, so that a run repeats.
import { integerBetween, ThroughlineError, type Clock, type Random } from '@throughline/event';
import type { ConnectionListeners, Transport, TransportConnection, TransportListener } from '@throughline/broker';

export interface LossyNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The longest time that a piece is on its way, in milliseconds. */
  readonly latencyMsMax?: number;
  /** How likely a piece that is delivered is only a part of what has been written. */
  readonly splitLikelihood?: number;
  /** How likely the delivery of a piece breaks its connection. */
  readonly cutLikelihood?: number;
}

/** Written and not delivered, in bytes, from which on a writer is to wait for onDrain. */
const unsentBytesHigh = 64 * 1024;

export class LossyNetwork implements Transport {
  readonly #options: Required<LossyNetworkOptions>;
  readonly #accepting = new Map<number, (connection: TransportConnection) => void>();
  readonly #open = new Set<Endpoint>();
  #portNext = 9092;
  #remotePortNext = 40_000;
  #isHeld = false;
  /** How likely the delivery of a piece breaks its connection; a nemesis may change it. */
  cutLikelihood: number;

  constructor(options: LossyNetworkOptions) {
    this.#options = { latencyMsMax: 3, splitLikelihood: 0.3, cutLikelihood: 0, ...options };
    this.cutLikelihood = this.#options.cutLikelihood;
  }

  /** Ends of connections that are open: two for each. */
  get endCount(): number {
    return this.#open.size;
  }

  async listen(
    { host, port }: { readonly host: string; readonly port: number },
    onConnection: (connection: TransportConnection) => void,
  ): Promise<TransportListener> {
    const taken = port === 0 ? this.#portNext++ : port;
    if (this.#accepting.has(taken)) throw new ThroughlineError('PORT_IN_USE', `port ${taken} is taken`);
    this.#accepting.set(taken, onConnection);
    return {
      host,
      port: taken,
      close: async () => {
        if (this.#accepting.get(taken) === onConnection) this.#accepting.delete(taken);
      },
    };
  }

  /** Opens a connection to whoever listens on `port`; rejects with ECONNREFUSED when nobody does. */
  async connect(port: number): Promise<TransportConnection> {
    await new Promise<void>((resolve) => this.#options.clock.after(this.#latencyMs(), resolve));
    const accept = this.#accepting.get(port);
    if (accept === undefined || this.#isHeld) {
      throw Object.assign(new Error(`nobody listens on port ${port}`), { code: 'ECONNREFUSED' });
    }
    const near = new Endpoint(this, this.#options, port);
    const far = new Endpoint(this, this.#options, this.#remotePortNext++);
    near.peer = far;
    far.peer = near;
    this.#open.add(near).add(far);
    accept(far);
    return near;
  }

  /** Breaks connections, each with `likelihood`; what is on its way is lost. */
  cut(likelihood = 1): void {
    for (const end of this.#open) if (this.#options.random.float() < likelihood) end.destroy();
  }

  /** Nothing is delivered, and nobody gets a connection, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const end of this.#open) end.deliverSoon();
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** The server's process has died: its ports are free and its connections broken. */
  killListeners(): void {
    this.#accepting.clear();
    this.cut();
  }

  forget(end: Endpoint): void {
    this.#open.delete(end);
  }

  #latencyMs(): number {
    return this.#options.random.float() * this.#options.latencyMsMax;
  }
}

/** One end of a connection. It holds what its peer has written and it has not been given yet. */
class Endpoint implements TransportConnection {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort: number;
  peer!: Endpoint;
  readonly #network: LossyNetwork;
  readonly #options: Required<LossyNetworkOptions>;
  #listeners: ConnectionListeners | undefined;
  #incoming: Uint8Array[] = [];
  #incomingBytes = 0;
  #isPaused = false;
  #isDelivering = false;
  /** This side writes no more. */
  #isEnding = false;
  /** This side has been told that the other one writes no more. */
  #isAtEnd = false;
  #isClosed = false;
  #wasFull = false;

  constructor(network: LossyNetwork, options: Required<LossyNetworkOptions>, remotePort: number) {
    this.#network = network;
    this.#options = options;
    this.remotePort = remotePort;
  }

  get unsentBytes(): number {
    return this.peer.#incomingBytes;
  }

  listen(listeners: ConnectionListeners): void {
    this.#listeners = listeners;
    this.deliverSoon();
  }

  write(chunks: readonly Uint8Array[], onSent?: () => void): void {
    if (this.#isClosed || this.#isEnding) return onSent?.();
    const { peer } = this;
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      // The writer may use its bytes again once they are sent; here they are sent at once.
      peer.#incoming.push(chunk.slice());
      peer.#incomingBytes += chunk.length;
    }
    onSent?.();
    if (peer.#incomingBytes > unsentBytesHigh) this.#wasFull = true;
    peer.deliverSoon();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.deliverSoon();
  }

  end(): void {
    this.#isEnding = true;
    this.peer.deliverSoon();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#close();
    this.peer.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#incoming = [];
    this.#incomingBytes = 0;
    this.#network.forget(this);
    this.#options.clock.after(this.#options.random.float() * this.#options.latencyMsMax, () =>
      this.#listeners?.onClose(),
    );
  }

  deliverSoon(): void {
    if (this.#isDelivering || this.#isClosed) return;
    if (this.#incoming.length === 0 && (!this.peer.#isEnding || this.#isAtEnd)) return;
    this.#isDelivering = true;
    const { clock, random, latencyMsMax } = this.#options;
    clock.after(random.float() * latencyMsMax, () => {
      this.#isDelivering = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const { random, splitLikelihood } = this.#options;
    if (this.#isClosed || this.#isPaused || this.#listeners === undefined || this.#network.isHeld) return;
    if (random.float() < this.#network.cutLikelihood) return this.destroy();
    if (this.#incoming.length > 0) {
      // Pieces have nothing to do with what was written at once.
      let piece: Uint8Array = Buffer.concat(this.#incoming);
      this.#incoming = [];
      if (piece.length > 1 && random.float() < splitLikelihood) {
        const cut = integerBetween(random, 1, piece.length - 1);
        this.#incoming.push(piece.subarray(cut));
        piece = piece.subarray(0, cut);
      }
      this.#incomingBytes -= piece.length;
      this.#listeners.onData(piece.slice());
      this.peer.#drained();
    }
    if (this.#incoming.length > 0) return this.deliverSoon();
    if (!this.peer.#isEnding || this.#isAtEnd) return;
    this.#isAtEnd = true;
    this.#listeners.onEnd();
    if (this.peer.#isAtEnd) this.destroy();
  }

  #drained(): void {
    if (!this.#wasFull || this.unsentBytes > 0 || this.#isClosed) return;
    this.#wasFull = false;
    this.#listeners?.onDrain();
  }
}
