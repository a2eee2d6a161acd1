// The gateway on a port of this machine: node:http under hono's adapter. What goes wrong before a request reaches the
// routes (a request line that is no HTTP, headers too large, a foreign Host) is answered as coded JSON as well.
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { listening, ThroughlineError, unattended, type Clock, type ErrorCode, type Logger } from '@throughline/event';
import { errorJson, errorResponse } from './error-response.ts';
import type { NodeBindings } from './sse.ts';

/** What answers requests: a function from a request to a response, with or without a socket. */
export type App = (request: Request, env?: NodeBindings) => Promise<Response>;

export interface Listener {
  /** The address without a path, for instance `http://127.0.0.1:4437`. */
  readonly url: string;
  readonly port: number;
  /** Takes no more connections and resolves when the open ones are gone, at the latest after the time that was given. */
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/**
 * Listens on `host` and `port`.
 *
 * @param closeWithinMs how long requests under way may take once `close` was called
 * @throws ThroughlineError PORT_IN_USE, CONFIG_INVALID
 */
export async function listen(
  app: App,
  { host, port }: ListenOptions,
  { closeWithinMs, clock, logger }: { readonly closeWithinMs: number; readonly clock: Clock; readonly logger: Logger },
): Promise<Listener> {
  const answer = getRequestListener((request, env) => app(request, { outgoing: env.outgoing as never }), {
    // The globals belong to the application that we run in.
    overrideGlobalObjects: false,
    // Nothing thrown gets past the app; what does is a request that could not be made into one.
    errorHandler: (error) => errorResponse(unreadable(error), logger),
  });
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    // A connection that is kept alive would hold a server open that takes no more requests.
    outgoing.once('close', () => setImmediate(() => server.listening || server.closeIdleConnections()));
    unattended(logger, 'answering a request', () => answer(incoming, outgoing));
  };
  // Node would answer a request without Host, and one that expects what nobody knows, without a body.
  const server = createServer({ requireHostHeader: false }, onRequest);
  server.on('checkExpectation', onRequest);
  server.on('clientError', listening(logger, 'rejecting what is no request', reject));
  const bound = await bind(server, host, port);
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}`,
    port: bound,
    close: () => close(server, clock, closeWithinMs),
  };
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        reject(
          new ThroughlineError('PORT_IN_USE', `${host}:${port} is in use`, { cause: error, details: { host, port } }),
        );
        return;
      }
      reject(
        new ThroughlineError('CONFIG_INVALID', `cannot listen on ${host}:${port}: ${error.message}`, { cause: error }),
      );
    });
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function close(server: Server, clock: Clock, closeWithinMs: number): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = clock.after(closeWithinMs, () => server.closeAllConnections());
    server.close(() => {
      timer.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}

function unreadable(error: unknown): ThroughlineError {
  if (ThroughlineError.is(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ThroughlineError('INVALID_ARGUMENT', `the request cannot be read: ${message}`, { cause: error });
}

/** Answers what Node's parser rejected; there is no request to answer, only a socket. */
function reject(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const code: ErrorCode = 'INVALID_ARGUMENT';
  const body = errorJson(
    new ThroughlineError(code, `the request is no HTTP that can be read: ${error.code ?? error.message}`),
  );
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
