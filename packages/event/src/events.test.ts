import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { conversationOf, conversationStream, titleFrom } from './conversation-events.ts';
import { fromRecord, toRecord, type RawEvent } from './envelope.ts';
import { eventFromJson, eventToJson } from './event-json.ts';
import { eventFromRecord, isEventType, narrowEvent } from './events.ts';
import { utf8, type LogRecord, type ProducerRecord } from './record.ts';

const id = '01J00000000000000000000000';
const at = { topic: 'conversations', partition: 2, offset: 7n, timestampMs: 5 };
const landed = (record: ProducerRecord): LogRecord => ({ ...record, ...at, headers: record.headers ?? [] });
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

const rawEvents: fc.Arbitrary<RawEvent> = fc
  .record({
    type: text,
    stream: text,
    run: some(text),
    attempt: some(fc.nat()),
    seq: some(fc.nat()),
    epoch: some(fc.nat()),
    actor: some(text),
    payload: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown),
  })
  // A header that is absent is no field at all.
  .map((event) => Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined)))
  .map((event) => ({ ...event, id }) as unknown as RawEvent);

test('an event written as a record is read back as it was', () => {
  fc.assert(
    fc.property(rawEvents, (event) => {
      assert.deepEqual(fromRecord(landed(toRecord(event))), { ...event, at });
    }),
  );
});

const stop: RawEvent = { type: 'stop-requested', id, stream: 'conversations/c', run: 'r', payload: {} };

test('a typed event survives JSON, with its offset as a decimal string', () => {
  const event = eventFromRecord(landed(toRecord(stop)));
  const json = JSON.parse(JSON.stringify(eventToJson(event))) as { at: { offset: unknown } };
  assert.equal(json.at.offset, '7');
  assert.deepEqual(eventFromJson(json), event);
});

test('a hostile record is rejected with INVALID_EVENT, whatever is in it', () => {
  const good = landed(toRecord(stop));
  const withHeader = (key: string, value: string | null): LogRecord => ({
    ...good,
    headers: [
      ...good.headers.filter((header) => header.key !== key),
      { key, value: value === null ? null : utf8(value) },
    ],
  });
  const hostile: readonly LogRecord[] = [
    { ...good, headers: [] },
    { ...good, key: null },
    { ...good, key: utf8('conversations/other') },
    { ...good, value: null },
    { ...good, value: utf8('{') },
    { ...good, value: Uint8Array.of(0xff, 0xfe) },
    { ...good, value: utf8('[]') },
    withHeader('tl-id', 'no ulid'),
    withHeader('tl-id', null),
    withHeader('tl-type', 'unheard-of'),
    withHeader('tl-type', 'toString'),
    withHeader('tl-type', '__proto__'),
    withHeader('tl-run', null),
    withHeader('tl-attempt', '-1'),
    withHeader('tl-attempt', '1e3'),
    withHeader('tl-seq', '9999999999999999'),
  ];
  assert.equal(eventFromRecord(good).type, 'stop-requested');
  for (const record of hostile) assert.throws(() => eventFromRecord(record), { code: 'INVALID_EVENT' });
});

test('any bytes at all are an event or INVALID_EVENT', () => {
  const bytes = fc.option(fc.uint8Array({ maxLength: 20 }));
  const headers = fc.array(
    fc.record({ key: fc.constantFrom('tl-type', 'tl-id', 'tl-stream', 'tl-run', 'x'), value: bytes }),
  );
  fc.assert(
    fc.property(bytes, bytes, headers, (key, value, list) => {
      try {
        eventFromRecord({ ...at, key, value, headers: list });
      } catch (error) {
        assert.equal((error as { code?: unknown }).code, 'INVALID_EVENT');
      }
    }),
  );
});

test('the payload of each type is checked, and the numbers that it needs', () => {
  const bad: readonly Partial<RawEvent>[] = [
    { type: 'message-created', payload: { messageId: 'm', parentId: null, role: 'robot', parts: [] } },
    { type: 'message-created', payload: { messageId: '../etc', parentId: null, role: 'user', parts: [] } },
    { type: 'message-created', payload: { messageId: 'm'.repeat(129), parentId: null, role: 'user', parts: [] } },
    { type: 'chunk', run: 'r', attempt: 1, payload: { chunks: [{}] } },
    { type: 'chunk', run: 'r', attempt: 1, seq: 0, payload: { chunks: [] } },
    { type: 'run-ended', run: 'r', attempt: 1, payload: { outcome: 'perhaps' } },
    { type: 'run-requested', payload: { messageId: 'm', replyId: 'r', function: 'f' } },
  ];
  for (const event of bad)
    assert.throws(
      () => narrowEvent({ id, stream: 's', ...event } as RawEvent),
      { code: 'INVALID_EVENT' },
      JSON.stringify(event),
    );
  assert.equal(isEventType('chunk'), true);
  assert.equal(isEventType('hasOwnProperty'), false);
});

test('fields that this version does not know are left in place', () => {
  const payload = { title: 'T', colour: 'blue' };
  const event = narrowEvent({ type: 'conversation-created', id, stream: 's', payload });
  assert.deepEqual(event.payload, payload);
});

test('JSON that is no event is rejected', () => {
  for (const value of [
    null,
    7,
    [],
    {},
    { ...stop, at: { ...at, offset: '-1' } },
    { ...stop, at: { ...at, offset: '7', partition: 0.5 } },
  ])
    assert.throws(() => eventFromJson(value), { code: 'INVALID_EVENT' });
});

test('a stream path names its conversation, and no path that could hurt does', () => {
  assert.equal(conversationOf(conversationStream('c1')), 'c1');
  for (const path of [
    'conversations/',
    'conversations/../x',
    'conversations/a/b',
    'other/c1',
    'conversations/%2e',
    '',
  ]) {
    assert.equal(conversationOf(path), undefined, path);
  }
});

test('a title is the first line, cut at a word', () => {
  assert.equal(titleFrom('  Hello\nworld'), 'Hello');
  assert.equal(titleFrom('\n'), 'New conversation');
  const long = titleFrom('word '.repeat(40));
  assert.ok(long.length <= 81 && long.endsWith('word…'), long);
  assert.equal(titleFrom('x'.repeat(200)).length, 81);
});
