// A TCP relay before a server, so that a test can cut what a client cannot.
import assert from 'node:assert/strict';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface CuttableWire {
  readonly url: string;
  readonly port: number;
  /** Destroys every connection. */
  cut(): void;
  /** Whether connections are dropped at once. */
  reject(isRejecting: boolean): void;
  close(): void;
}

/** Relays to `port` of this machine. */
export async function cuttableWire(port: number): Promise<CuttableWire> {
  const sockets = new Set<Socket>();
  let isRejecting = false;
  const server: Server = createServer((near) => {
    if (isRejecting) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      // A reset is what these tests are about.
      socket.on('error', () => {});
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    cut,
    reject: (value) => {
      isRejecting = value;
      if (value) cut();
    },
    close: () => {
      cut();
      server.close();
    },
  };
}
