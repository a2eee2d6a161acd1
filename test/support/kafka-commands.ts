// What `throughline topics | produce | consume | groups --bootstrap` do, on whichever Kafka is at an address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { throughline, type RunOptions } from './cli.ts';

interface Reset {
  readonly isDone: boolean;
  readonly offsets: readonly { readonly partition: number; readonly from?: string; readonly to: string }[];
}

/** Defines the tests; `address` is asked when they run. */
export function kafkaCommands(address: () => string): void {
  const run = async (args: readonly string[], options?: RunOptions): Promise<string> => {
    const { code, stdout, stderr } = await throughline([...args, '--bootstrap', address()], options);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await run([...args, '--json'])) as T;
  const rejected = async (args: readonly string[], code: string, says = /./): Promise<void> => {
    const ended = await throughline([...args, '--bootstrap', address()]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, new RegExp(String.raw`^throughline: .* \[${code}\] \S.*\n$`));
    assert.match(ended.stderr, says);
  };
  const reset = (...args: string[]): Promise<Reset> => json('groups', 'reset', 'readers', ...args);

  test('records go in and come out, and topics are listed', async () => {
    assert.equal(await run(['topics', 'create', 'cli', '--partitions', '2']), 'topic cli is made, partitions: 2\n');
    assert.equal(
      await run(['produce', 'cli', '--partition', '1'], { input: 'one\ntwo\nthree\n' }),
      'cli-1@0\ncli-1@1\ncli-1@2\n',
    );
    assert.equal(await run(['produce', 'cli', 'four', '--key', 'k', '--partition', '0']), 'cli-0@0\n');
    const text = await run(['consume', 'cli']);
    assert.match(
      text,
      /^0@0 {2}\S+ {2}k {2}- {2}four\n1@0 {2}\S+ {2}null {2}- {2}one\n1@1 {2}\S+ {2}null {2}- {2}two\n/,
    );
    const lines = await run(['consume', 'cli', '--partition', '1', '--offset', '2', '--json']);
    assert.deepEqual((JSON.parse(lines) as { value: string }).value, 'three');
    assert.match(await run(['topics']), /^cli +1 +0 +3 /m);
    await rejected(['consume', 'nowhere'], 'UNKNOWN_TOPIC');
  });

  test('a topic is made with settings, described and deleted, and what the broker rejects is said in its words', async () => {
    await run(['topics', 'create', 'kept', '--config', 'retention.ms=1000', 'max.message.bytes=2048']);
    const text = await run(['topics', 'describe', 'kept']);
    assert.match(text, /^kept {2}id [0-9a-f]{32}\n\npartition +start +end +size +state\n0 +0 +0 +\S+ \S+ +online$/m);
    assert.match(text, /^retention\.ms +topic +1000$/m);
    assert.match(text, /^cleanup\.policy +default +delete$/m);
    const described = await json<{ topic: string; configs: { name: string; value: string; isOwn: boolean }[] }>(
      'topics',
      'describe',
      'kept',
    );
    assert.equal(described.topic, 'kept');
    assert.deepEqual(
      described.configs.find(({ name }) => name === 'max.message.bytes'),
      { name: 'max.message.bytes', value: '2048', isOwn: true },
    );
    await rejected(['topics', 'create', 'kept'], 'TOPIC_EXISTS');
    await rejected(['topics', 'create', 'a/b'], 'INVALID_TOPIC');
    await rejected(['topics', 'create', 'none', '--partitions', '0'], 'INVALID_ARGUMENT');
    await rejected(['topics', 'create', 'none', '--partitions', '99999999999'], 'INVALID_ARGUMENT');
    await rejected(['topics', 'create', 'none', '--config', 'no.such=1'], 'INVALID_CONFIG');
    await rejected(['topics', 'create', 'none', '--config', 'retention.ms'], 'INVALID_ARGUMENT');
    await rejected(['topics', 'create'], 'INVALID_ARGUMENT');
    await rejected(['topics', 'explode', 'kept'], 'INVALID_ARGUMENT');
    await rejected(['topics', 'describe', 'none'], 'UNKNOWN_TOPIC');
    await rejected(['topics', 'delete', 'none', '--yes'], 'UNKNOWN_TOPIC');
    await rejected(['topics', 'delete', 'kept'], 'INVALID_ARGUMENT');
    assert.match(await run(['topics']), /^kept /m);
    assert.deepEqual(await json('topics', 'delete', 'kept', '--yes'), { deleted: 'kept' });
    assert.doesNotMatch(await run(['topics', 'list']), /^kept /m);
  });

  test('a topic is followed until somebody interrupts', async () => {
    const following = throughline(['consume', 'cli', '--follow', '--bootstrap', address()], { interruptAt: 'three' });
    const { code, stdout } = await following;
    assert.equal(code, 0);
    assert.match(stdout, /three/);
  });

  test('a reset shows what it would do, and does it only with --execute', async () => {
    await rejected(['groups', 'reset', 'readers'], 'INVALID_ARGUMENT');
    await rejected(['groups', 'reset', 'readers', '--to-latest', '--to-earliest'], 'INVALID_ARGUMENT');
    const dry = await reset('--to-latest', '--topics', 'cli');
    assert.deepEqual(dry, {
      groupId: 'readers',
      isDone: false,
      offsets: [
        { topic: 'cli', partition: 0, to: '1' },
        { topic: 'cli', partition: 1, to: '3' },
      ],
    });
    assert.deepEqual(await json('groups', 'list'), []);
    assert.equal((await reset('--to-latest', '--topics', 'cli', '--execute')).isDone, true);
    assert.deepEqual(
      (await reset('--shift-by=-2')).offsets.map(({ from, to }) => [from, to]),
      [
        ['1', '0'],
        ['3', '1'],
      ],
    );
    assert.deepEqual(
      (await reset('--to-offset', '99')).offsets.map(({ to }) => to),
      ['1', '3'],
    );
    assert.deepEqual(
      (await reset('--to-time', '2000-01-01')).offsets.map(({ to }) => to),
      ['0', '0'],
    );
    const one = await reset('--to-offset', '1', '--topics', 'cli', '--partition', '1', '--execute');
    assert.deepEqual(
      one.offsets.map(({ partition, to }) => [partition, to]),
      [[1, '1']],
    );
  });

  test('a group is listed, described with its lag, and deleted', async () => {
    assert.match(await run(['groups', 'list']), /^readers +Empty +-$/m);
    const text = await run(['groups', 'describe', 'readers']);
    assert.match(text, /^readers {2}Empty {2}no protocol {2}coordinator \d+\n/);
    assert.match(text, /^cli +0 +1 +1 +0 +-\ncli +1 +1 +3 +2 +-$/m);
    assert.equal(await run(['groups', 'delete', 'readers']), 'group readers is deleted\n');
    for (const action of [['describe'], ['delete'], ['reset', '--to-latest']]) {
      const [name = '', ...flags] = action;
      await rejected(['groups', name, 'readers', ...flags], 'UNKNOWN_GROUP', /there is no group readers.*groups list/);
    }
    await rejected(['groups', 'explode', 'readers'], 'INVALID_ARGUMENT');
    await rejected(['groups', 'describe'], 'INVALID_ARGUMENT');
  });
}
