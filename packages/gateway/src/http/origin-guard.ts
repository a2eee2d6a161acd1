// Who may ask. The server has no authentication yet and listens on loopback, so the danger is a page of another site in
// the same browser: it can send requests to 127.0.0.1, and with DNS rebinding even under its own name. Hence two rules:
//
//   * Host must name this machine (localhost, 127.0.0.0/8, ::1) or an allowed origin: a rebound name does not.
//   * Origin, which browsers send with every request that could change or reveal something across sites, must be the
//     server's own or an allowed one. A client that is no browser sends none. Sec-Fetch-Site closes the gap that
//     browsers leave for plain GETs, so that another site's page cannot even start a stream.
//
// No CORS header is sent unless an origin is allowed by the configuration.
import { ThroughlineError } from '@throughline/event';

const loopbackHost = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i;

/**
 * Checks where a request comes from.
 *
 * @param allowedOrigins origins such as `https://app.example.com` that may ask beside the server's own
 * @returns the origin to name in `access-control-allow-origin`, or undefined when none needs it
 * @throws ThroughlineError CROSS_ORIGIN_REFUSED
 */
export function checkOrigin(request: Request, allowedOrigins: readonly string[]): string | undefined {
  const target = new URL(request.url).host;
  const host = request.headers.get('host') ?? target;
  const isOwn = (name: string): boolean =>
    loopbackHost.test(name) || allowedOrigins.some((allowed) => hostOf(allowed) === name.toLowerCase());
  // A request line may name a host as well, and says more than the header then.
  for (const name of [host, target])
    if (!isOwn(name)) throw rejected(`the host name ${JSON.stringify(name)} is not this server's`);
  const origin = request.headers.get('origin');
  if (origin !== null) {
    if (allowedOrigins.includes(origin)) return origin;
    if (hostOf(origin) !== host.toLowerCase()) throw rejected(`the origin ${JSON.stringify(origin)} is not allowed`);
    return undefined;
  }
  // A link from elsewhere that is opened as a page is fine: nobody but the person reads the answer.
  const site = request.headers.get('sec-fetch-site');
  const isForeign = site === 'cross-site' || site === 'same-site';
  if (isForeign && request.headers.get('sec-fetch-mode') !== 'navigate') throw rejected('a page of another site asked');
  return undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host.toLowerCase() : undefined;
}

function rejected(message: string): ThroughlineError {
  return new ThroughlineError('CROSS_ORIGIN_REFUSED', message);
}
