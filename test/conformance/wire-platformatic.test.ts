// Two independent implementations of Kafka's wire: what @platformatic/kafka writes is read by our tables to the same values,
// and what our tables write is read by it to the same values. Bodies are made up for each API in each version that both have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, utf8 } from '@throughline/event';
import { decodeRecordBatch, MessageReader, MessageWriter, Writer, type Api } from '@throughline/wire';
import * as apis from '@throughline/wire/apis';
import { InventingReader } from './inventing-reader.ts';
import { theirApi, type TheirApi } from './platformatic-apis.ts';
import { requestShapes, responseShapes } from './platformatic-shapes.ts';
import { seed } from '../support/seed.ts';

type Body = Readonly<Record<string, unknown>>;

const all = Object.values(apis) as readonly Api<Body, Body>[];
const roundCount = 20;
/** Versions that they do not have yet. */
const without = new Set(
  (
    'Produce 12, Produce 13, Fetch 18, ListOffsets 10, ListOffsets 11, Metadata 13, OffsetCommit 10, OffsetFetch 10, ' +
    'DescribeGroups 6, InitProducerId 6, DescribeLogDirs 5, DescribeCluster 2, ListConfigResources 0, ElectLeaders 0, ' +
    'ElectLeaders 1, ElectLeaders 2'
  ).split(', '),
);

for (const api of all) {
  test(`${api.name}: both implementations mean the same by the same bytes (SEED=${seed})`, async () => {
    for (let version = api.versionMin; version <= api.versionMax; version++) {
      const theirs = await theirApi(api.key, api.name, version);
      assert.equal(theirs === undefined, without.has(`${api.name} ${version}`), `${api.name} ${version} of theirs`);
      if (theirs === undefined) continue;
      for (let round = 0; round < roundCount; round++) {
        if (api.name !== 'Produce') requestMeansTheSame(api, version, theirs, seed + round);
        responseMeansTheSame(api, version, theirs, seed + round);
      }
    }
  });
}

function formatOf({ flexibleFrom }: Api<Body, Body>, version: number): { version: number; isFlexible: boolean } {
  return { version, isFlexible: version >= flexibleFrom };
}

function requestMeansTheSame(api: Api<Body, Body>, version: number, theirs: TheirApi, round: number): void {
  const format = formatOf(api, version);
  // They write no tagged fields.
  const body = api.readRequest(new InventingReader({ ...format, seed: round, hasTags: false, hasNulls: true })) as Body;
  const shape = requestShapes[api.name];
  const given = { ...body, ...shape?.arguments?.(body as never, version) };
  const bytes = theirs.write(dashed(given) as Body);
  const reader = new MessageReader(bytes, format);
  const read = api.readRequest(reader);
  assert.equal(reader.remaining, 0, `${api.name} ${version} request: bytes left over`);
  assert.deepEqual(
    plain(read),
    plain(shape?.written?.(body as never, version) ?? body),
    `${api.name} ${version} request`,
  );
}

function responseMeansTheSame(api: Api<Body, Body>, version: number, theirs: TheirApi, round: number): void {
  const format = formatOf(api, version);
  const body = api.readResponse(new InventingReader({ ...format, seed: round, hasTags: true, hasNulls: true })) as Body;
  // A rejected ApiVersions 3 comes as version 0, and is taken for that whatever it says.
  if (api.name === 'ApiVersions' && version === 3 && body['errorCode'] !== 'NONE') return;
  const to = new MessageWriter(format);
  api.writeResponse(to, body);
  const { body: read, bytesLeft } = theirs.read(Buffer.concat(to.chunks()));
  assert.equal(bytesLeft, 0, `${api.name} ${version} response: bytes left over`);
  const expected = plain(responseShapes[api.name]?.(body as never, version) ?? body);
  assert.deepEqual(common(plain(named(read)), expected), expected, `${api.name} ${version} response`);
}

test('Produce: a request of theirs is read with the records that it was made of', async () => {
  for (let version = 3; version <= 11; version++) {
    const theirs = await theirApi(0, 'Produce', version);
    const messages = ['a', 'b'].map((text) => ({
      topic: 'notes',
      partition: 3,
      key: utf8(text),
      value: utf8(`${text}!`),
    }));
    const bytes = theirs!.write({ acks: -1, timeout: 1500, topicData: messages, options: {} });
    const { acks, timeoutMs, topicData } = apis.produceApi.readRequest(
      new MessageReader(bytes, formatOf(apis.produceApi as never, version)),
    );
    assert.deepEqual([acks, timeoutMs, topicData.length, topicData[0]?.name], [-1, 1500, 1, 'notes']);
    const [partition] = topicData[0]!.partitionData;
    const records: Parameters<typeof decodeRecordBatch>[3] = [];
    decodeRecordBatch(partition!.records!, 0, { topic: 'notes', partition: partition!.index }, records);
    const texts = records.map(({ key, value }) => `${fromUtf8(key!)} ${fromUtf8(value!)}`);
    assert.deepEqual([partition!.index, ...texts], [3, 'a a!', 'b b!']);
  }
});

/** Ids as they want them. */
function dashed(value: unknown): unknown {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(dashed);
  if (typeof value === 'object' && value !== null) return mapped(value, dashed);
  const isId = typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
  return isId ? value.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5') : value;
}

/** Errors by name, as ours are: their numbers are read as the ones on the wire are. */
function named(value: unknown): unknown {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(named);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, inner]) => [
    name,
    /errorCode$/i.test(name) && typeof inner === 'number' ? errorOf(inner) : named(inner),
  ]);
  return Object.fromEntries(fields) as Body;
}

function errorOf(code: number): string {
  const to = new Writer();
  to.int16(code);
  return new MessageReader(to.finish(), { version: 0, isFlexible: false }).errorCode();
}

/** Bytes as bytes of one kind, ids without dashes. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) return mapped(value, plain);
  const isId = typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
  return isId ? value.replaceAll('-', '') : value;
}

/** What both have: they leave fields out that a version lacks, and add some of their own. Lists keep their length. */
function common(theirs: unknown, ours: unknown): unknown {
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    return theirs.length === ours.length ? theirs.map((item, index) => common(item, ours[index])) : theirs;
  }
  if (!isTree(theirs) || !isTree(ours)) return theirs;
  return Object.fromEntries(
    Object.entries(ours).map(([name, value]) => [name, name in theirs ? common(theirs[name], value) : value]),
  );
}

function isTree(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapped(value: object, map: (inner: unknown) => unknown): Body {
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, map(inner)]));
}
