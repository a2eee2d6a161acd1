import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { kafkaErrors } from '@throughline/wire';
import { apiVersionsApi } from '@throughline/wire/apis';
import { connectKafka } from '../../../../test/support/kafka-client.ts';
import { handlers } from '../apis/registry.ts';
import { createBroker, type CreateBrokerOptions, type RunningBroker } from './create-broker.ts';

async function runningBroker(t: TestContext, options: Partial<CreateBrokerOptions> = {}): Promise<RunningBroker> {
  const dataDir = await mkdtemp(join(tmpdir(), 'throughline-'));
  const running = await createBroker({ dataDir, ...options });
  t.after(async () => {
    await running.close();
    await rm(dataDir, { recursive: true });
  });
  return running;
}

test('a client that connects is told which APIs there are', async (t) => {
  const { address } = await runningBroker(t);
  const client = await connectKafka(address);
  for (const version of [0, 1, 2, 3, 4]) {
    const named = { clientSoftwareName: 'throughline-test', clientSoftwareVersion: '1.0' };
    const { errorCode, apiKeys } = await client.call(apiVersionsApi, version, version < 3 ? {} : named);
    assert.equal(errorCode, kafkaErrors.NONE);
    assert.deepEqual(
      apiKeys.map(({ apiKey }) => apiKey),
      handlers.map(({ api }) => api.key),
    );
  }
  await client.close();
});
