// The gateway suite over the real gateway, and over the one in memory that the tests of packages/state use.
import { after, before } from 'node:test';
import { VirtualClock } from '@throughline/testkit';
import { FakeGateway } from '../../packages/state/src/fake-gateway.test-support.ts';
import { scriptedGateway, type ScriptedGateway } from '../support/scripted-gateway.ts';
import { gatewaySuite } from './gateway-suite.ts';

let scripted: ScriptedGateway;
before(async () => {
  scripted = await scriptedGateway();
});
after(() => scripted.close());

gatewaySuite('gateway', () => ({
  fetch: (path, init) => scripted.gateway.fetch(new Request(new URL(path, 'http://127.0.0.1'), init)),
  async reply(_conversationId, runId, text) {
    let run = await scripted.nextRun();
    // Runs of the tests before this one were left alone.
    while (run.id !== runId) run = await scripted.nextRun();
    await run.start();
    await run.open();
    await run.text(text);
    await run.finish();
  },
}));

const fake = new FakeGateway(new VirtualClock());

gatewaySuite('the gateway in memory', () => ({
  fetch: (path, init) => fake.fetch(path, init),
  async reply(conversationId, runId, text) {
    fake.start(conversationId, runId);
    fake.chunks(conversationId, runId, [
      { type: 'start' },
      { type: 'start-step' },
      { type: 'text-start', id: 't1' },
      { type: 'text-delta', id: 't1', delta: text },
    ]);
    fake.chunks(conversationId, runId, [
      { type: 'text-end', id: 't1' },
      { type: 'finish-step' },
      { type: 'finish', finishReason: 'stop' },
    ]);
    fake.end(conversationId, runId);
  },
}));
