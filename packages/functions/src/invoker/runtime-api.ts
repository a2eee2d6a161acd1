// AWS Lambda's Runtime API, for one environment: a port of its own on the loopback interface, at which whatever runs the
// function asks for invocations and answers them. It says the same to the environment as the framed pipe would.
//
//   GET  /2018-06-01/runtime/invocation/next             waits for an invocation; the first one says that it is loaded
//   POST /2018-06-01/runtime/invocation/{id}/response    its answer, whole or as a stream (runtime-answer.ts)
//   POST /2018-06-01/runtime/invocation/{id}/error       it has failed
//   POST /2018-06-01/runtime/init/error                  the function could not be loaded
//
//   waiting ──next──► running ──response or error──► answering ──its body's end──► answered      anything else is a 403
//
// Each answer is acknowledged when it has been read, before anybody is told of it: AWS's client for Node.js stands still
// until then. Source: AWS Lambda developer guide, "Using the Lambda runtime API"; aws-lambda-runtime-interface-emulator.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { listening, type Clock, type Logger, type Timer } from '@throughline/event';
import { lambdaLimits, truncationGraceMs } from '../defaults.ts';
import type { ErrorPayload, Frame, FrameType, InvokePayload } from './framed-pipe.ts';
import { readAnswer, readFailure, type AnswerEnd } from './runtime-answer.ts';

export interface RuntimeApiOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Invocations that it hands out before they are answered. */
  readonly invocationsMax: number;
  /** Of an invocation that names no other. */
  readonly functionArn: string;
  /** `127.0.0.1:port`, or undefined where there is no port. */
  readonly onAddress: (address: string | undefined) => void;
  onFrame(frame: Frame): void;
  /** The function could not be loaded, and whoever runs it knows that we know. */
  onInitError(): void;
}

interface Handed {
  readonly number: number;
  readonly requestId: string;
  readonly fields: Omit<InvokePayload, 'event'>;
  readonly eventJson: string;
  isAnswering: boolean;
}

const base = '/2018-06-01/runtime/';

export class RuntimeApi {
  readonly #options: RuntimeApiOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #polls: ServerResponse[] = [];
  readonly #waiting: Handed[] = [];
  readonly #handed = new Map<string, Handed>();
  /** The newest that were answered, to tell a second answer from one that is nobody's. */
  readonly #answered: string[] = [];
  readonly #bodies = new Set<IncomingMessage>();
  readonly #timers = new Set<Timer>();
  #address = '';
  #isPaused = false;
  #hasFailed = false;
  #onDisconnected: (() => void) | undefined;

  constructor(options: RuntimeApiOptions) {
    this.#options = options;
    const { logger, onAddress } = options;
    // A runtime may take as long as it likes between two requests, and for one.
    this.#server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
    this.#server.on(
      'request',
      listening(logger, 'answering a runtime', (request, response) => this.#serve(request, response)),
    );
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        if (this.#sockets.size === 0) this.#onDisconnected?.();
      });
    });
    this.#server.on('error', ({ message }) => {
      this.#say('init-error', 0, failure('Runtime.NoPort', `there is no port for its Runtime API: ${message}`));
      onAddress(undefined);
    });
    this.#server.listen(0, '127.0.0.1', () => {
      this.#address = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
      onAddress(this.#address);
    });
  }

  /** Hands out an invocation, as soon as it is asked for. */
  invoke(number: number, fieldsJson: string, eventJson: string): void {
    const fields = JSON.parse(fieldsJson) as Omit<InvokePayload, 'event'>;
    this.#waiting.push({ number, requestId: fields.requestId, fields, eventJson, isAnswering: false });
    this.#handOut();
  }

  /** Stops or goes on reading streamed answers: whoever writes them waits as well. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const body of this.#bodies) {
      if (isPaused) body.pause();
      else body.resume();
    }
  }

  /** Calls back when nobody is connected any more: all that a process has sent before its end has been read. */
  whenDisconnected(action: () => void): void {
    if (this.#sockets.size === 0) action();
    else this.#onDisconnected = action;
  }

  close(): void {
    this.#onDisconnected = undefined;
    for (const timer of this.#timers) timer.cancel();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { method, url = '', headers } = request;
    // A page in a browser may reach the port, and must not take what is another's.
    if (headers.host !== this.#address || headers.origin !== undefined) return this.#reject(request, response, 404);
    if (method === 'GET' && url === `${base}invocation/next`) return this.#poll(request, response);
    if (method === 'POST' && url === `${base}init/error`) return this.#failInit(request, response);
    const [, id = '', what] = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/.exec(url) ?? [];
    if (method !== 'POST' || what === undefined) return this.#reject(request, response, 404);
    const handed = this.#handed.get(decoded(id));
    if (handed !== undefined && !handed.isAnswering) return this.#answer(handed, what, request, response);
    const isOver = handed !== undefined || this.#answered.includes(decoded(id));
    this.#reject(request, response, isOver ? 403 : 400);
  }

  #poll(request: IncomingMessage, response: ServerResponse): void {
    const { invocationsMax } = this.#options;
    // With several at once it may ask before it has answered, and waits for its turn.
    const isEarly = invocationsMax === 1 && this.#handed.size > 0;
    if (isEarly || this.#hasFailed) return this.#reject(request, response, 403);
    request.resume();
    this.#polls.push(response);
    response.on('close', () => {
      const at = this.#polls.indexOf(response);
      if (at >= 0) this.#polls.splice(at, 1);
    });
    this.#say('ready');
    this.#handOut();
  }

  #handOut(): void {
    while (this.#polls.length > 0 && this.#handed.size < this.#options.invocationsMax) {
      // The caller gives an invocation its id: two of one id take turns.
      const at = this.#waiting.findIndex(({ requestId }) => !this.#handed.has(requestId));
      const [next] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (next === undefined) return;
      this.#handed.set(next.requestId, next);
      const { clock, functionArn } = this.#options;
      const { deadlineMs = clock.nowMs() + next.fields.timeoutMs, traceId, clientContext } = next.fields;
      const headers = {
        'Content-Type': 'application/json',
        'Lambda-Runtime-Aws-Request-Id': next.requestId,
        'Lambda-Runtime-Deadline-Ms': String(Math.round(deadlineMs)),
        'Lambda-Runtime-Invoked-Function-Arn': next.fields.invokedFunctionArn ?? functionArn,
        ...(traceId === undefined ? {} : { 'Lambda-Runtime-Trace-Id': traceId.replaceAll(/[^\x20-\x7e]/g, '?') }),
        ...(clientContext === undefined ? {} : { 'Lambda-Runtime-Client-Context': asciiJson(clientContext) }),
      };
      this.#polls.shift()!.writeHead(200, headers).end(next.eventJson);
    }
  }

  #answer(handed: Handed, what: string, request: IncomingMessage, response: ServerResponse): void {
    handed.isAnswering = true;
    const end = (ended: AnswerEnd): void => {
      this.#bodies.delete(request);
      // A process that has died says so in a moment, and that is the better reason.
      if (ended.isTruncated) return this.#after(truncationGraceMs, () => this.#conclude(handed, ended));
      if (ended.status === 202) reply(response, 202, { status: 'OK' });
      else this.#reject(request, response, ended.status);
      this.#conclude(handed, ended);
    };
    const { logger } = this.#options;
    if (what === 'error') return readFailure(request, logger, end);
    const isStream = readAnswer(request, logger, {
      head: (head) => this.#say('head', handed.number, head),
      data: (bytes) => this.#options.onFrame({ type: 'data', invocation: handed.number, payload: bytes }),
      end,
    });
    if (!isStream) return;
    this.#bodies.add(request);
    if (this.#isPaused) request.pause();
  }

  #conclude({ requestId, number }: Handed, { error, value }: AnswerEnd): void {
    this.#handed.delete(requestId);
    this.#answered.push(requestId);
    if (this.#answered.length > this.#options.invocationsMax) this.#answered.shift();
    if (error === undefined) {
      this.#options.onFrame({ type: 'returned', invocation: number, payload: value ?? Buffer.alloc(0) });
    } else this.#say('threw', number, error);
    this.#handOut();
  }

  #failInit(request: IncomingMessage, response: ServerResponse): void {
    if (this.#hasFailed || this.#handed.size > 0) return this.#reject(request, response, 403);
    this.#hasFailed = true;
    readFailure(request, this.#options.logger, ({ status, error }) => {
      this.#say('init-error', 0, error ?? failure('Runtime.Unknown', ''));
      if (status === 202) reply(response, 202, { status: 'OK' });
      else this.#reject(request, response, status);
      this.#options.onInitError();
    });
  }

  #reject(request: IncomingMessage, response: ServerResponse, status: number): void {
    request.resume();
    reply(response, status, rejections[status] ?? rejections[404]!);
  }

  #say(type: FrameType, number = 0, payload?: object): void {
    const bytes = Buffer.from(payload === undefined ? '' : JSON.stringify(payload));
    this.#options.onFrame({ type, invocation: number, payload: bytes });
  }

  #after(delayMs: number, action: () => void): void {
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
  }
}

const rejections: Readonly<Record<number, object>> = {
  400: { errorMessage: 'Invalid request ID, or invalid response mode', errorType: 'InvalidRequestID' },
  403: { errorMessage: 'State transition is not allowed', errorType: 'InvalidStateTransition' },
  404: { errorMessage: 'There is nothing at this address', errorType: 'NotFound' },
  413: {
    errorMessage: `Exceeded maximum allowed payload size (${lambdaLimits.payloadBytesMax} bytes).`,
    errorType: 'RequestEntityTooLarge',
  },
};

function reply(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

function failure(errorType: string, errorMessage: string): ErrorPayload {
  return { errorType, errorMessage, trace: [] };
}

/** JSON that a header may carry. */
function asciiJson(value: unknown): string {
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, escape);
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    // A stray "%" is no encoding: it is the id of nobody, or the id itself.
    return id;
  }
}
