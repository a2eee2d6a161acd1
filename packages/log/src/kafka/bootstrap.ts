// Addresses of a cluster as people write them: `host:port`, several with commas, with or without `kafka://` in front.
import { ThroughlineError } from '@throughline/event';
import type { Address } from './broker-connection.ts';

const defaultPort = 9092;

/**
 * Reads bootstrap addresses.
 *
 * @throws ThroughlineError INVALID_ARGUMENT naming what cannot be read
 * @example parseBootstrap('kafka://127.0.0.1:9092') // [{ host: '127.0.0.1', port: 9092 }]
 */
export function parseBootstrap(text: string): readonly Address[] {
  const list = text
    .replace(/^kafka:\/\//, '')
    .replace(/\/$/, '')
    .split(',');
  return list.map((item) => {
    const found = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(item.trim());
    const port = Number(found?.[3] ?? defaultPort);
    const host = found?.[1] ?? found?.[2];
    if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
    throw new ThroughlineError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(text)} is no Kafka address; wanted kafka://host:port`,
    );
  });
}
