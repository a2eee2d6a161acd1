// Whether a port can be listened on, asked before anything is started. Somebody can still take it in between; then the
// gateway's own listen says the same, only later.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ThroughlineError } from '@throughline/event';

/** @throws ThroughlineError PORT_IN_USE, CONFIG_INVALID for a port or an address that this user cannot have */
export async function checkPortIsFree(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  try {
    probe.listen({ host, port });
    await once(probe, 'listening');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new ThroughlineError('PORT_IN_USE', `${host}:${port} is in use`, { cause, details: { host, port } });
    throw new ThroughlineError('CONFIG_INVALID', `cannot listen on ${host}:${port}: ${message}`, { cause });
  }
  probe.close();
  await once(probe, 'close');
}
