// Who may connect: without authentication, this machine only.
import { ThroughlineError } from '@throughline/event';
import * as defaults from './defaults.ts';

/**
 * Checks an address that is to be listened on; `called` is what its setting is called.
 *
 * @throws ThroughlineError CONFIG_INVALID when others than this machine could connect
 */
export function checkLoopback(host: string, called: string): void {
  if (host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)) return;
  throw new ThroughlineError(
    'CONFIG_INVALID',
    `${called}: ${host} is not loopback, and there is no authentication yet; use ${defaults.host}`,
  );
}
