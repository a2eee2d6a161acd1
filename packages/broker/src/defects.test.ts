// What is thrown in code that nobody waits for is reported, and the broker goes on: it ended the process.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { LossyDisk, VirtualClock } from '@throughline/testkit';
import { openBroker } from './topics/open-broker.ts';
import { closeServices, openServices } from './apis/open-services.ts';
import { LogRecorder } from './test-support.ts';

const reported = 'error: a defect was met where nobody waits for the outcome';

async function opened(t: TestContext) {
  const logger = new LogRecorder();
  const clock = new VirtualClock();
  const given = { clock, logger };
  const broker = await openBroker({ dataDir: '/data', disk: new LossyDisk(), journalFileBytes: 64 * 1024, ...given });
  const services = await openServices(broker, given);
  t.after(async () => {
    await closeServices(services);
    await broker.close();
  });
  return { broker, clock, logger, services };
}

test('the timers of the services are guarded', async (t) => {
  const { clock, logger, services } = await opened(t);
  services.clock.after(1, () => {
    throw new TypeError('a defect');
  });
  await clock.advance(1);
  assert.deepEqual(logger.lines, [reported]);
});
