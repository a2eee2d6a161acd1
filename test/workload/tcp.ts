// Connections over TCP for the clients of the workload.
import { connect } from 'node:net';
import type { ConnectionListeners, TransportConnection } from '@throughline/broker';

/** Connects, or rejects with the system's error. */
export async function dialTcp(host: string, port: number): Promise<TransportConnection> {
  const socket = connect({ host, port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', resolve);
  });
  socket.removeAllListeners('error');
  // A reset is a close, which is told of.
  socket.on('error', () => {});
  return {
    remoteAddress: host,
    remotePort: port,
    get unsentBytes() {
      return socket.writableLength;
    },
    listen({ onData, onDrain, onEnd, onClose }: ConnectionListeners) {
      socket.on('data', onData);
      socket.on('drain', onDrain);
      socket.on('end', onEnd);
      socket.on('close', onClose);
    },
    write: (chunks) => {
      for (const chunk of chunks) socket.write(chunk);
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
}
