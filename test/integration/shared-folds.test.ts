// Folds of one consumer group, over Kafka's own groups: in the process of the embedded log, and over TCP on a broker of ours.
import { test, type TestContext } from 'node:test';
import { createBroker } from '@throughline/broker';
import { kafka, openEmbeddedLog, type Log } from '@throughline/log';
import { memberIsKilled, membersShare } from './shared-folds-suite.ts';

const limit = { timeout: 120_000 };

async function brokerOf(t: TestContext): Promise<{ address: string; connect: () => Promise<Log> }> {
  const config = { 'group.initial.rebalance.delay.ms': 0, 'group.min.session.timeout.ms': 1_000 };
  const broker = await createBroker({ memory: true, config });
  const logs: Log[] = [];
  t.after(async () => {
    for (const log of logs) await log.close();
    await broker.close();
  });
  const connect = async (): Promise<Log> => {
    const log = await kafka({ bootstrap: broker.address });
    logs.push(log);
    return log;
  };
  return { address: broker.address, connect };
}

test('folds of one group share the partitions of the embedded log', limit, async (t) => {
  const log = await openEmbeddedLog({ memory: true });
  await membersShare(t, log, log);
  await log.close();
});

test('folds of one group share the partitions of a log that they reach over TCP', limit, async (t) => {
  const { connect } = await brokerOf(t);
  await membersShare(t, await connect(), await connect());
});

test(
  'a fold takes over what a killed member of its group had, and the member comes back to its own state',
  limit,
  async (t) => {
    const { address, connect } = await brokerOf(t);
    await memberIsKilled(t, await connect(), address, 1_500);
  },
);
