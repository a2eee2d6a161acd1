// The network as something that is handed in: the machine's in production, a lossy one in memory in a simulation.
//
// A connection carries bytes both ways, in order, until it is closed. A transport calls a connection's listeners never from
// within a method of it, and calls none of them after `onClose`.

export interface Transport {
  /**
   * Begins to accept connections; `port` 0 takes a free one.
   *
   * @throws ThroughlineError PORT_IN_USE (details host, port), INVALID_ARGUMENT for a host that cannot be listened on
   */
  listen(
    address: { readonly host: string; readonly port: number },
    onConnection: (connection: TransportConnection) => void,
  ): Promise<TransportListener>;
}

export interface TransportListener {
  readonly host: string;
  readonly port: number;
  /** Accepts no more; connections that are there stay. */
  close(): Promise<void>;
}

export interface TransportConnection {
  /** `127.0.0.1` or `::1`. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Bytes that have been written and not yet taken by the network. */
  readonly unsentBytes: number;
  /** Set once, before the first turn of the event loop after the connection came. */
  listen(listeners: ConnectionListeners): void;
  /** Sends the chunks one after the other; they must not change until `onSent`, which comes even when the connection closes. */
  write(chunks: readonly Uint8Array[], onSent?: () => void): void;
  /** Gives no more bytes until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends what has been written, then closes. */
  end(): void;
  /** Closes at once; what has not been sent is lost. */
  destroy(): void;
}

export interface ConnectionListeners {
  /** The receiver owns `chunk`. */
  readonly onData: (chunk: Uint8Array) => void;
  /** Everything written has been taken by the network, after it once had not. */
  readonly onDrain: () => void;
  /** The other side sends no more; it may still read. */
  readonly onEnd: () => void;
  /** Both ways are closed, by whichever side; called once. */
  readonly onClose: () => void;
}
