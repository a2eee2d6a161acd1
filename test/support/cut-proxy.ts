// A TCP proxy that loses what a network loses: it swallows the answers of the server behind it for a while, and cuts all
// connections in the middle of whatever is under way.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class CutProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #target = 0;
  #isSwallowing = false;
  /** Connections cut so far. */
  cutCount = 0;

  constructor() {
    this.#server = createServer((client) => this.#forward(client));
  }

  /** Listens on a free port of loopback. */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  /** Where it forwards to. */
  forwardTo(port: number): void {
    this.#target = port;
  }

  /** From here on requests get through and answers do not, until the next cut. */
  swallowAnswers(): void {
    this.#isSwallowing = true;
  }

  /** Cuts every connection; new ones are whole. */
  cut(): void {
    this.#isSwallowing = false;
    for (const pair of this.#pairs) {
      this.cutCount++;
      for (const socket of pair) socket.destroy();
    }
    this.#pairs.clear();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #forward(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => {
      if (!this.#isSwallowing) client.write(bytes);
    });
    for (const socket of pair) {
      // A connection that is cut has an error on both sides; that is what it is for.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  }
}
