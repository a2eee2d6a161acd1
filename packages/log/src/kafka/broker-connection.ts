// One connection to one broker. It connects with the first request, agrees on versions (ApiVersions, KIP-511), and connects
// anew after it was lost. A broker answers the requests of a connection one after the other, so whoever lets a broker wait
// (a fetch at the end of the log, an append that waits for replicas) has a connection of their own.
import type { Connection } from '@platformatic/kafka';
import { ThroughlineError, valueUnlessFailed } from '@throughline/event';
import { MessageReader, MessageWriter, type Api, type Read } from '@throughline/wire';
import { apiVersionsApi, type ApiVersion, type ApiVersionsResponse } from '@throughline/wire/apis';
import { failureOf } from '../port/failures.ts';
import type { KafkaLibrary } from './library.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ConnectionSettings {
  readonly library: KafkaLibrary;
  readonly clientId: string;
  readonly connectMs: number;
  readonly requestMs: number;
}

/** Requests that may be under way on one connection: the broker takes them in turn, so more only wait there. */
const inFlightMax = 64;
/** ApiVersions 3 tells who we are; a broker that does not know it answers in version 0 (KIP-511). */
const apiVersionsVersion = 3;

export class BrokerConnection {
  readonly address: Address;
  readonly #settings: ConnectionSettings;
  #open: Promise<OpenConnection> | undefined;
  /** The newest connection: what happens to an older one is no news. */
  #newest: Connection | undefined;
  #isClosed = false;

  constructor(address: Address, settings: ConnectionSettings) {
    this.address = address;
    this.#settings = settings;
  }

  /**
   * Sends a request in the highest version that both sides have.
   *
   * @throws ThroughlineError LOG_UNREACHABLE when the connection cannot be made, is lost or stays silent; LOG_REFUSED
   *   when the broker does not have the API
   */
  async request<Request, Response>(api: Api<Request, Response>, request: Request): Promise<Read<Response>> {
    const { connection, versions } = await this.#connected();
    const range = versions.get(api.key);
    const version = Math.min(api.versionMax, range?.maxVersion ?? -1);
    if (range === undefined || version < Math.max(api.versionMin, range.minVersion)) {
      const has = range === undefined ? 'does not have it' : `has versions ${range.minVersion} to ${range.maxVersion}`;
      throw failureOf('UNSUPPORTED_VERSION', `${api.name} at ${this.#name}`, `the broker ${has}`);
    }
    const read = (bytes: Uint8Array): Read<Response> =>
      api.readResponse(new MessageReader(bytes, formatOf(api, version)));
    return this.#send(connection, api, version, request, read);
  }

  /** Whether the broker has `api` in `version` or a newer one. */
  async supports(api: Api<never, unknown> | Api, version: number): Promise<boolean> {
    const { versions } = await this.#connected();
    return (versions.get(api.key)?.maxVersion ?? -1) >= version;
  }

  /** Ends the connection; what is under way on it fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    // An opening that failed was reported to whoever asked for it, and leaves nothing to close.
    const open = await valueUnlessFailed(this.#open);
    await open?.connection.close();
  }

  /** Ends the connection at once, without waiting for what was sent. */
  destroy(): void {
    this.#isClosed = true;
    this.#open?.then(
      ({ connection }) => connection.socket.destroy(),
      () => {
        // It was never open.
      },
    );
  }

  get #name(): string {
    return addressText(this.address);
  }

  #connected(): Promise<OpenConnection> {
    if (this.#isClosed) return Promise.reject(this.#unreachable('the connection is closed'));
    this.#open ??= this.#connect();
    return this.#open;
  }

  async #connect(): Promise<OpenConnection> {
    const { library, clientId, connectMs, requestMs } = this.#settings;
    const { host, port } = this.address;
    const connection = new library.Connection(clientId, {
      connectTimeout: connectMs,
      requestTimeout: requestMs,
      maxInflights: inFlightMax,
    });
    this.#newest = connection;
    const forget = (): void => {
      if (this.#newest === connection) this.#open = undefined;
    };
    connection.on('close', forget);
    // Its requests fail with it and say why; without a listener the event would end the process.
    connection.on('error', forget);
    try {
      await connection.connect(host, port);
      const versions = await this.#agree(connection);
      return { connection, versions };
    } catch (error) {
      forget();
      connection.socket?.destroy();
      throw ThroughlineError.is(error) ? error : this.#unreachable(reasonOf(error), error);
    }
  }

  async #agree(connection: Connection): Promise<ReadonlyMap<number, ApiVersion>> {
    const request = { clientSoftwareName: 'throughline', clientSoftwareVersion: '0.1.0' };
    const read = (bytes: Uint8Array): Read<ApiVersionsResponse> => {
      const readerOf = (version: number): MessageReader => new MessageReader(bytes, formatOf(apiVersionsApi, version));
      // The error stands first in every version.
      const isRejected = readerOf(0).errorCode() === 'UNSUPPORTED_VERSION';
      return apiVersionsApi.readResponse(readerOf(isRejected ? 0 : apiVersionsVersion));
    };
    const { errorCode, apiKeys } = await this.#send(connection, apiVersionsApi, apiVersionsVersion, request, read);
    if (errorCode !== 'NONE' && errorCode !== 'UNSUPPORTED_VERSION') {
      throw failureOf(errorCode, `ApiVersions at ${this.#name}`);
    }
    return new Map(apiKeys.map((range) => [range.apiKey, range]));
  }

  #send<Request, Result>(
    connection: Connection,
    api: Api<Request, unknown>,
    version: number,
    request: Request,
    read: (bytes: Uint8Array) => Result,
  ): Promise<Result> {
    const format = formatOf(api, version);
    const writer = new MessageWriter(format);
    api.writeRequest(writer, request);
    const payload = this.#settings.library.Writer.create();
    for (const chunk of writer.chunks()) {
      payload.append(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    }
    // The header of an ApiVersions response has no tagged fields in any version (KIP-511).
    const hasTaggedResponse = format.isFlexible && api.key !== apiVersionsApi.key;
    return new Promise((resolve, reject) => {
      connection.send(
        api.key,
        version,
        () => payload,
        (_correlationId, _apiKey, _apiVersion, { buffer }) => read(buffer.buffer),
        format.isFlexible,
        hasTaggedResponse,
        (error, result) => {
          if (error !== null && error !== undefined) {
            reject(ThroughlineError.is(error) ? error : this.#unreachable(`${api.name}: ${reasonOf(error)}`, error));
          } else resolve(result as Result);
        },
      );
    });
  }

  #unreachable(reason: string, cause?: unknown): ThroughlineError {
    return new ThroughlineError('LOG_UNREACHABLE', `${this.#name}: ${reason}`, {
      details: { address: this.#name },
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

interface OpenConnection {
  readonly connection: Connection;
  readonly versions: ReadonlyMap<number, ApiVersion>;
}

/** `host:port`, an IPv6 address in brackets. */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function formatOf(
  { flexibleFrom }: { readonly flexibleFrom: number },
  version: number,
): { readonly version: number; readonly isFlexible: boolean } {
  return { version, isFlexible: version >= flexibleFrom };
}

/** The library wraps what the system says; that is what somebody can act on. */
function reasonOf(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  return deepest instanceof Error ? deepest.message : String(deepest);
}
