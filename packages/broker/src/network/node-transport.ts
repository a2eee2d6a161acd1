// TCP by node:net.
//
// Node trims the memory of each read to what was read, so a chunk that is kept pins no more than itself. What is written
// within one turn goes out with one system call (cork, writev).
import { ThroughlineError } from '@throughline/event';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { listenBacklog } from '../defaults.ts';
import type { ConnectionListeners, Transport, TransportConnection, TransportListener } from './transport.ts';

/** The machine's network. */
export const nodeTransport: Transport = {
  async listen({ host, port }, onConnection) {
    // A client that has sent its last request may still want the answer, so the end of its bytes does not close.
    const server = createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true }, (socket) =>
      onConnection(new NodeConnection(socket)),
    );
    await listening(server, host, port);
    return new NodeListener(server);
  },
};

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(rejectionOf(error, host, port));
    server.once('error', onError);
    server.listen({ host, port, backlog: listenBacklog }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function rejectionOf(error: NodeJS.ErrnoException, host: string, port: number): ThroughlineError {
  const details = { host, port };
  if (error.code === 'EADDRINUSE') {
    return new ThroughlineError('PORT_IN_USE', `${host}:${port} is in use`, { cause: error, details });
  }
  return new ThroughlineError('INVALID_ARGUMENT', `cannot listen on ${host}:${port}: ${error.message}`, {
    cause: error,
    details,
  });
}

class NodeListener implements TransportListener {
  readonly host: string;
  readonly port: number;
  readonly #server: Server;

  constructor(server: Server) {
    const { address, port } = server.address() as AddressInfo;
    this.host = address;
    this.port = port;
    this.#server = server;
  }

  async close(): Promise<void> {
    // Its callback would wait for the connections, which are not the listener's. The port is free at once, the handle gone
    // a turn later.
    this.#server.close();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

class NodeConnection implements TransportConnection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: Socket;
  #isCorked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    // An IPv4 client of a dual-stack listener comes as ::ffff:127.0.0.1.
    this.remoteAddress = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    this.remotePort = socket.remotePort ?? 0;
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  listen({ onData, onDrain, onEnd, onClose }: ConnectionListeners): void {
    const socket = this.#socket;
    socket.on('data', onData);
    socket.on('drain', onDrain);
    socket.on('close', onClose);
    socket.on('end', onEnd);
    // A reset is a close, which is told of.
    socket.on('error', () => {});
  }

  write(chunks: readonly Uint8Array[], onSent?: () => void): void {
    const socket = this.#socket;
    if (!this.#isCorked) {
      this.#isCorked = true;
      socket.cork();
      process.nextTick(this.#uncork);
    }
    const last = chunks.length - 1;
    chunks.forEach((chunk, index) => socket.write(chunk, index === last ? onSent : undefined));
  }

  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#socket.uncork();
  };

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
