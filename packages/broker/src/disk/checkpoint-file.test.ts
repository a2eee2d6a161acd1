import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, utf8 } from '@throughline/event';
import { decodePartitionOffsets, encodePartitionOffsets } from './checkpoint-file.ts';
import { LeaderEpochs } from '../storage/leader-epochs.ts';

test('a checkpoint of offsets is the text that Apache Kafka writes, and is read back', () => {
  const bytes = encodePartitionOffsets([
    { topic: 'conversations', partition: 0, offset: 1284n },
    { topic: 'a-b', partition: 11, offset: 0n },
  ]);
  assert.equal(fromUtf8(bytes), '0\n2\nconversations 0 1284\na-b 11 0\n');
  assert.deepEqual(
    decodePartitionOffsets(bytes),
    new Map([
      ['conversations-0', 1284n],
      ['a-b-11', 0n],
    ]),
  );
});

for (const text of ['', '0\n2\na 0 1\n', '1\n1\na 0 1\n', '0\n1\na 0 x\n', '0\n1\na 0\n', '0\n1\na 0 -1\n']) {
  test(`${JSON.stringify(text)} is no checkpoint`, () => assert.equal(decodePartitionOffsets(utf8(text)), undefined));
}

test('leader epochs answer where an epoch ended, and are read back', () => {
  const epochs = new LeaderEpochs();
  epochs.begin(0, 0n);
  epochs.begin(1, 100n);
  epochs.begin(4, 250n);
  const again = LeaderEpochs.decode(epochs.encode())!;
  assert.equal(again.current, 4);
  assert.deepEqual(again.endOffset(0, 300n), { epoch: 0, endOffset: 100n });
  // An epoch that was skipped ended where the one before it did (KIP-320).
  assert.deepEqual(again.endOffset(3, 300n), { epoch: 1, endOffset: 250n });
  assert.deepEqual(again.endOffset(4, 300n), { epoch: 4, endOffset: 300n });
  assert.equal(again.endOffset(5, 300n), undefined);
});

test('an epoch in which nothing was appended is forgotten when the next one begins at the same offset', () => {
  const epochs = new LeaderEpochs();
  epochs.begin(0, 0n);
  epochs.begin(1, 0n);
  epochs.begin(2, 7n);
  epochs.begin(3, 7n);
  assert.equal(fromUtf8(epochs.encode()), '0\n2\n1 0\n3 7\n');
});

for (const text of ['0\n2\n0 0\n0 5\n', '0\n2\n1 5\n2 5\n', '0\n1\n0 x\n', 'rubbish']) {
  test(`${JSON.stringify(text)} is no list of epochs`, () => assert.equal(LeaderEpochs.decode(utf8(text)), undefined));
}
