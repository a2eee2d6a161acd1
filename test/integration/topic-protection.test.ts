// What becomes of chats when somebody with a Kafka tool adds partitions to topic `conversations`, deletes it or writes to it.
// On the server's own log the first two are rejected with a reason; the third is allowed and never trusted.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { utf8 } from '@throughline/event';
import { encodeRecordBatch, zeroUuid } from '@throughline/wire';
import { createPartitionsApi, deleteTopicsApi, metadataApi, produceApi } from '@throughline/wire/apis';
import { answerText } from '../support/app/answer-text.ts';
import { postQuestion } from '../support/chat.ts';
import { connectKafka, type KafkaClient } from '../support/kafka-client.ts';
import { readChat } from '../support/readers.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let client: KafkaClient;
before(async () => {
  server = await startServer();
  const { kafka } = JSON.parse(readFileSync(path.join(server.dataDir, 'server.json'), 'utf8')) as { kafka: string };
  client = await connectKafka(kafka);
});
after(async () => {
  await client.close();
  await server.dispose();
});

const question = 'name=answer tokens=5 paceMs=0';
let asked = 0;

/** Asks in a conversation, and waits for the whole answer. */
async function ask(conversation: string): Promise<void> {
  const answer = readChat(
    server,
    conversation,
    postQuestion(server.url, conversation, `${conversation}-${asked++}`, question),
  );
  assert.equal(await answer, answerText(question));
}

async function messageCountOf(conversation: string): Promise<number> {
  const response = await fetch(`${server.url}/v1/conversations/${conversation}`);
  assert.equal(response.status, 200);
  const { conversation: found } = (await response.json()) as { conversation: { messages: readonly unknown[] } };
  return found.messages.length;
}

const old = Array.from({ length: 8 }, (_, index) => `old${index}`);
const fresh = Array.from({ length: 8 }, (_, index) => `new${index}`);

test('growth and deletion are rejected with the reason, and old and new chats go on', async () => {
  for (const conversation of old) await ask(conversation);
  const topics = [{ name: 'conversations', count: 8, assignments: null }];
  const growth = await client.call(createPartitionsApi, 3, { topics, timeoutMs: 30_000, validateOnly: false });
  const { errorCode, errorMessage } = growth.results[0]!;
  assert.equal(errorCode, 'POLICY_VIOLATION');
  assert.match(errorMessage ?? '', /conversations is protected.*hash of its id/);
  const removal = await client.call(deleteTopicsApi, 5, { topicNames: ['conversations'], timeoutMs: 30_000 });
  assert.equal(removal.responses[0]!.errorCode, 'POLICY_VIOLATION');
  const metadata = await client.call(metadataApi, 12, {
    topics: [{ name: 'conversations', topicId: zeroUuid }],
    allowAutoTopicCreation: false,
  });
  assert.equal(metadata.topics[0]?.partitions.length, 4);
  for (const conversation of [...fresh, ...old]) await ask(conversation);
  for (const conversation of old) assert.equal(await messageCountOf(conversation), 4);
});

test('a foreign record is taken and changes no conversation', async () => {
  const records = encodeRecordBatch([{ key: utf8('conversations/old0'), value: utf8('{}'), timestampMs: Date.now() }], {
    nowMs: Date.now(),
  });
  for (let index = 0; index < 4; index++) {
    const topicData = [{ name: 'conversations', topicId: zeroUuid, partitionData: [{ index, records }] }];
    const { responses } = await client.call(produceApi, 9, { acks: -1, timeoutMs: 30_000, topicData });
    assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 'NONE');
  }
  assert.equal(await messageCountOf('old0'), 4);
  await ask('old0');
  assert.equal(await messageCountOf('old0'), 6);
});
