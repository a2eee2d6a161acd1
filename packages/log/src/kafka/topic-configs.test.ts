import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TopicConfig } from '../port/port.ts';
import { fromKafkaConfigs, toKafkaConfigs } from './topic-configs.ts';

const config: TopicConfig = {
  durability: 'fsync',
  retentionMs: null,
  retentionBytes: 5000,
  segmentBytes: 1_048_576,
  recordBytesMax: 2_000_000,
};

test('settings come back as they were given, in both ways of naming durability', () => {
  for (const dialect of ['throughline', 'kafka'] as const) {
    assert.deepEqual(fromKafkaConfigs(toKafkaConfigs(config, dialect)), config, dialect);
  }
  assert.equal(fromKafkaConfigs(toKafkaConfigs({ durability: 'memory' }, 'throughline')).durability, 'memory');
});

test('on Kafka the weakest that is promised is reported: os unless each append is synced', () => {
  for (const durability of ['memory', 'os'] as const) {
    assert.equal(fromKafkaConfigs(toKafkaConfigs({ durability }, 'kafka')).durability, 'os');
  }
  assert.equal(fromKafkaConfigs(new Map([['flush.messages', '2']])).durability, 'os');
  assert.equal(fromKafkaConfigs(new Map()).durability, 'os');
});

test('only what is given is sent', () => {
  assert.deepEqual(toKafkaConfigs({ retentionMs: null }, 'kafka'), new Map([['retention.ms', '-1']]));
});
