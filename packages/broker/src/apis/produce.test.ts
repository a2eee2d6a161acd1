import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kafkaErrors } from '@throughline/wire';
import { produceApi } from '@throughline/wire/apis';
import { batchOf, readAll } from '../test-support.ts';
import { servedBroker } from './test-support.ts';

const texts = (version: number): string[] => [`first of ${version}`, `second of ${version}`];

for (let version = produceApi.versionMin; version <= produceApi.versionMax; version++) {
  test(`version ${version} appends a batch and answers where it landed`, async (t) => {
    const { broker, client } = await servedBroker(t);
    const { topicId } = await broker.createTopic('t', { partitions: 2 });
    const { responses } = await client.call(produceApi, version, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: 't', topicId, partitionData: [{ index: 1, records: batchOf(texts(version)) }] }],
    });
    const [{ name, topicId: answeredId, partitionResponses }] = responses as [(typeof responses)[number]];
    assert.deepEqual([name, answeredId], version <= 12 ? ['t', '0'.repeat(32)] : ['', topicId]);
    assert.equal(partitionResponses[0]?.errorCode, kafkaErrors.NONE);
    assert.equal(partitionResponses[0].baseOffset, 0n);
    assert.deepEqual(await readAll(broker.partition('t', 1)), [`0:first of ${version}`, `1:second of ${version}`]);
  });
}
