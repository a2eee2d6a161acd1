import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { isRetriableKafkaError, kafkaErrorCode, kafkaErrorName, type KafkaErrorName } from './kafka-errors.ts';
import { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

const format = { version: 0, isFlexible: false };

function written(...names: readonly KafkaErrorName[]): Uint8Array {
  const to = new MessageWriter(format);
  for (const name of names) to.errorCode(name);
  return Buffer.concat(to.chunks());
}

test('an error goes out as its number and comes back as its name', () => {
  const bytes = written('NONE', 'UNKNOWN_SERVER_ERROR', 'NOT_COORDINATOR', 'SHARE_SESSION_LIMIT_REACHED');
  assert.deepEqual([...bytes], [0, 0, 255, 255, 0, 16, 0, 133]);
  const from = new MessageReader(bytes, format);
  const read = Array.from({ length: 4 }, () => from.errorCode());
  assert.deepEqual(read, ['NONE', 'UNKNOWN_SERVER_ERROR', 'NOT_COORDINATOR', 'SHARE_SESSION_LIMIT_REACHED']);
});

test('each number from -1 to the last one is that of one error', () => {
  const codes = Array.from({ length: 135 }, (_, index) => index - 1);
  assert.deepEqual(
    codes.map((code) => kafkaErrorCode(kafkaErrorName(code))),
    codes,
  );
});

test('a number that is not known is a server error, which is not tried again', () => {
  for (const code of [-2, 134, 0x7fff]) assert.equal(kafkaErrorName(code), 'UNKNOWN_SERVER_ERROR');
  assert.equal(isRetriableKafkaError('UNKNOWN_SERVER_ERROR'), false);
});

test('a name that is none of Kafka does not go out as success', () => {
  for (const wrong of ['UNKNOWN_TOPIC', '', 0, undefined]) {
    assert.throws(
      () => written(wrong as KafkaErrorName),
      (error) => ThroughlineError.is(error, 'INTERNAL'),
    );
  }
});
