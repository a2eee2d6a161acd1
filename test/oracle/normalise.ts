// What two brokers cannot have in common is replaced, here and nowhere else: ids that are made up by the broker, addresses,
// the broker's clock, and the order of what Kafka keeps in hash maps. Record batches are taken apart.
import { batchHeaderBytes, isAppendTime, readBatchHeader } from '@throughline/wire';
import type { Step } from './side.ts';

/** Names of fields whose values are made up by a broker, and what each kind is called. */
const madeUp: Readonly<Record<string, string>> = {
  topicId: 'topic',
  memberId: 'member',
  leader: 'member',
  producerId: 'producer',
  sessionId: 'session',
};
const addresses = new Set(['host', 'port', 'clusterId', 'logDir', 'clientHost']);
const clockTimes = new Set(['logAppendTimeMs', 'lastFetchTimestamp', 'lastCaughtUpTimestamp']);
const begunMs = BigInt(Date.now() - 60_000);
/** Values that mean "none" and are the same everywhere. */
const nothing = new Set<unknown>(['', 0, -1, -1n, '0'.repeat(32), null]);

/** By which field the items of a list are put in order, where Kafka has none. */
const orders: Readonly<Record<string, readonly string[]>> = {
  topics: ['name', 'topic', 'topicId', 'errorCode'],
  partitions: ['partitionIndex', 'partition'],
  partitionResponses: ['index'],
  responses: ['name', 'topic', 'topicId', 'resourceType', 'resourceName', 'errorCode'],
  results: ['resourceType', 'resourceName', 'name', 'groupId', 'topicName'],
  configResources: ['resourceType', 'resourceName'],
  groups: ['groupId'],
  coordinators: ['key'],
  members: ['groupInstanceId', 'clientId', 'metadata', 'memberMetadata'],
  replicaElectionResults: ['topic'],
  partitionResult: ['partitionId'],
  supportedFeatures: ['name'],
  finalizedFeatures: ['name'],
};

/** Lists that are compared by the names of their items, because not both brokers have all of them. */
const keys: Readonly<Record<string, string>> = { configs: 'name', apiKeys: 'apiKey' };

/** Gives the made-up ids of one broker names in the order in which they turn up. */
export class Normaliser {
  readonly #names: Map<string, string>;
  readonly #counts = new Map<string, number>();

  /** @param topicIds of the topics that scripts have made, by name */
  constructor(topicIds: ReadonlyMap<string, string>) {
    this.#names = new Map(Array.from(topicIds, ([name, id]) => [`topic ${id}`, `<topic ${name}>`]));
  }

  step(step: Step): Step {
    return { ...step, answer: this.#value(step.answer, '') };
  }

  #value(value: unknown, name: string): unknown {
    if (value instanceof Uint8Array) {
      const asText = (): string => Buffer.from(value).toString('latin1');
      return name === 'records' ? batchesOf(value, (kind, id) => this.#nameOf(kind, id)) : asText();
    }
    if (Array.isArray(value)) return this.#list(value, name);
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, this.#value(inner, field)]));
    }
    if (nothing.has(value)) return value;
    const kind = madeUp[name];
    if (kind !== undefined) return this.#nameOf(kind, value);
    if (addresses.has(name)) return `<${name}>`;
    if (clockTimes.has(name)) return '<time>';
    // Scripts give their records times from before they began; what is later is the broker's clock.
    if (name === 'timestamp' && typeof value === 'bigint' && value >= begunMs) return '<time>';
    // The bounds of a timestamp, as they are by the broker's clock.
    if (typeof value === 'string') return value.replace(/\[-?\d+, \d+\]/g, '<times>');
    return value;
  }

  #list(items: readonly unknown[], name: string): unknown {
    const key = keys[name];
    const isKeyed = key !== undefined && items.every((item) => typeof item === 'object');
    if (isKeyed) {
      const byKey = items.map(
        (item) => [String((item as Record<string, unknown>)[key]), this.#value(item, '')] as const,
      );
      return Object.fromEntries(byKey);
    }
    const order = orders[name];
    // Put in order first as far as that goes without ids, so that ids get their names in the same order on both sides.
    const sorted = order === undefined ? items : items.toSorted((a, b) => compare(a, b, without(order, 'topicId')));
    const normalised = sorted.map((item) => this.#value(item, ''));
    return order === undefined ? normalised : normalised.toSorted((a, b) => compare(a, b, order));
  }

  #nameOf(kind: string, value: unknown): string {
    const id = `${kind} ${String(value)}`;
    let name = this.#names.get(id);
    if (name === undefined) {
      const count = (this.#counts.get(kind) ?? 0) + 1;
      this.#counts.set(kind, count);
      this.#names.set(id, (name = `<${kind} ${count}>`));
    }
    return name;
  }
}

function compare(a: unknown, b: unknown, order: readonly string[]): number {
  for (const field of order) {
    const [left, right] = [(a as Record<string, unknown>)[field], (b as Record<string, unknown>)[field]];
    if (left === right || left === undefined || right === undefined) continue;
    if (typeof left === 'number' && typeof right === 'number') return left - right;
    return sortKey(left) < sortKey(right) ? -1 : 1;
  }
  return 0;
}

function sortKey(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function without(order: readonly string[], field: string): readonly string[] {
  return order.filter((one) => one !== field);
}

/** Record batches as what they say; the last one may be cut off. */
function batchesOf(bytes: Uint8Array, nameOf: (kind: string, id: unknown) => string): unknown {
  const batches: unknown[] = [];
  let at = 0;
  while (at + batchHeaderBytes <= bytes.length) {
    const { crc: _, ...header } = readBatchHeader(bytes, at);
    const end = at + header.sizeBytes;
    if (end > bytes.length) break;
    const producerId = nothing.has(header.producerId) ? header.producerId : nameOf('producer', header.producerId);
    const maxTimestampMs = isAppendTime(header.attributes) ? '<time>' : header.maxTimestampMs;
    const records = Buffer.from(bytes.subarray(at + batchHeaderBytes, end)).toString('base64');
    batches.push({ ...header, producerId, maxTimestampMs, records });
    at = end;
  }
  return { batches, bytesLeft: bytes.length - at };
}
