// librdkafka 2.15.1's own integration tests against our broker (../shared/tools/librdkafka, which builds them on the first
// call). Here a fast subset of those that Apache Kafka 4.3.1 passes and that need nothing of a later issue; all of them in
// `npm run test:long` (THROUGHLINE_ROUNDS). test/conformance/librdkafka.md has the list, with the reason of each left out.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { BrokerProcess } from '../support/broker-process.ts';
import { librdkafkaIds } from './librdkafka-ids.ts';
import { librdkafkaTool } from './toolchain.ts';

const isLong = Number(process.env['THROUGHLINE_ROUNDS'] ?? 1) > 1;
const ids = isLong ? [...librdkafkaIds.fast, ...librdkafkaIds.slow] : librdkafkaIds.fast;
const skip = existsSync(librdkafkaTool) ? false : 'the folder of judges beside the repository is missing';

test(`librdkafka's own tests: ${ids.length} of them`, { skip }, async (t) => {
  const build = spawnSync('bash', [librdkafkaTool, '--build-only'], { encoding: 'utf8' });
  // No compiler, no headers, or nowhere to get them from: that says nothing of the broker.
  if (build.status !== 0) return t.skip(`it cannot be built here: ${build.stderr.trim().split('\n').at(-1)}`);
  await using broker = await BrokerProcess.start({
    config: {
      'num.partitions': '4',
      'auto.create.topics.enable': 'true',
      'group.initial.rebalance.delay.ms': '3000',
    },
  });
  const suite = spawn('bash', [librdkafkaTool, '--jobs', '4', broker.address, ...ids], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  let progress = '';
  suite.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  suite.stderr.setEncoding('utf8').on('data', (text: string) => (progress = `${progress}${text}`.slice(-8000)));
  await once(suite, 'exit');
  const rows = printed.split('\n').filter((line) => /^(PASS|FAIL|SKIP) /.test(line));
  const notPassed = rows.filter((row) => !row.startsWith('PASS'));
  assert.deepEqual(notPassed, [], progress);
  const passed = new Set(rows.map((row) => row.slice(6, 10)));
  assert.deepEqual(
    ids.filter((id) => !passed.has(id)),
    [],
    `some did not run: ${progress}`,
  );
});
