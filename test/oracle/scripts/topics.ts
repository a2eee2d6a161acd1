import { utf8 } from '@throughline/event';
import { encodeRecordBatch, zeroUuid } from '@throughline/wire';
import {
  createPartitionsApi,
  createTopicsApi,
  deleteRecordsApi,
  deleteTopicsApi,
  produceApi,
  type CreatableTopic,
  type CreatePartitionsTopic,
} from '@throughline/wire/apis';
import { versionsOf, type Script } from './script.ts';

const byDefault = { numPartitions: -1, replicationFactor: -1 };
const unknownId = `${'0'.repeat(31)}7`;

function topic(name: string, rest: Partial<CreatableTopic> = {}): CreatableTopic {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...rest };
}

function assigned(
  name: string,
  partitions: readonly (readonly number[])[],
  rest: Partial<CreatableTopic> = {},
): CreatableTopic {
  const assignments = partitions.map(([partitionIndex = 0, ...brokerIds]) => ({ partitionIndex, brokerIds }));
  return topic(name, { ...byDefault, assignments, ...rest });
}

export const createTopics: Script = {
  name: 'create topics',
  async run(side) {
    for (const version of versionsOf(createTopicsApi)) {
      const name = `made-${version}`;
      const create = (what: string, ...topics: readonly CreatableTopic[]): Promise<unknown> =>
        side.call(what, createTopicsApi, version, { topics, timeoutMs: 30_000 });
      await create('a topic', topic(name, { numPartitions: 3 }));
      await create('it again', topic(name));
      await create('defaults', topic(`${name}-d`, byDefault));
      await create('two of a name, and another', topic(`${name}-t`), topic(`${name}-t`), topic(`${name}-o`));
      await side.call('validate only', createTopicsApi, version, {
        topics: [topic(`${name}-v`, { numPartitions: 2 }), topic(name)],
        timeoutMs: 30_000,
        validateOnly: true,
      });
      const configs = (...pairs: readonly (readonly [string, string | null])[]): Partial<CreatableTopic> => ({
        configs: pairs.map(([config, value]) => ({ name: config, value })),
      });
      await create(
        'settings',
        topic(`${name}-c1`, configs(['retention.ms', '1000'], ['cleanup.policy', 'compact,delete'])),
        topic(`${name}-c2`, configs(['no.such.setting', '1'])),
        topic(`${name}-c3`, configs(['retention.ms', null])),
        topic(`${name}-c4`, configs(['retention.ms', 'soon'])),
        topic(`${name}-c5`, configs(['cleanup.policy', 'compact'], ['cleanup.policy', 'delete'])),
        topic(`${name}-c6`, { ...configs(['no.such.setting', '1']), replicationFactor: 9 }),
      );
    }
    const create = (what: string, ...topics: readonly CreatableTopic[]): Promise<unknown> =>
      side.call(what, createTopicsApi, 7, { topics, timeoutMs: 30_000 });
    await create('names', topic(''), topic('.'), topic('a b'), topic('x'.repeat(250)), topic('x'.repeat(249)));
    await create('the metadata topic', topic('__cluster_metadata'));
    await create('names that collide with each other', topic('coll.x'), topic('coll_x'));
    await create('names that collide', topic('coll_x'), topic('coll.x'));
    await side.topic('colls_y');
    await create('a name that collides', topic('colls.y', { numPartitions: 0 }));
    await create('no partitions', topic('p0', { numPartitions: 0 }), topic('p-2', { numPartitions: -2 }));
    await create('no replicas', topic('r0', { replicationFactor: 0 }), topic('r-2', { replicationFactor: -2 }));
    await create('more replicas than nodes', topic('r2', { replicationFactor: 2 }));
    await create('both wrong', topic('pr', { numPartitions: 0, replicationFactor: 0 }));
    await create(
      'assignments',
      assigned('as1', [
        [0, 1],
        [1, 1],
      ]),
      assigned('as2', [[0, 1]], { replicationFactor: 1 }),
      assigned('as3', [[0, 1]], { numPartitions: 1 }),
      assigned('as4', [
        [0, 1],
        [0, 1],
      ]),
      assigned('as5', [
        [0, 1],
        [2, 1],
      ]),
      assigned('as6', [[0, 2]]),
      assigned('as7', [[0, 1, 1]]),
      assigned('as8', [[0]]),
      assigned('as9', [
        [0, 1],
        [1, 1, 2],
      ]),
    );
    await create('nothing');
    await side.call('no time', createTopicsApi, 7, { topics: [topic('late')], timeoutMs: 0 });
  },
};

export const deleteTopics: Script = {
  name: 'delete topics',
  async run(side) {
    for (const version of versionsOf(deleteTopicsApi)) {
      const name = `gone-${version}`;
      const [a, b, c] = [`${name}-a`, `${name}-b`, `${name}-c`];
      for (const one of [a, b, c]) await side.topic(one);
      const id = (one: string): string => side.topicIds.get(one) ?? zeroUuid;
      if (version < 6) {
        const remove = (what: string, ...topicNames: readonly string[]): Promise<unknown> =>
          side.call(what, deleteTopicsApi, version, { topicNames, timeoutMs: 30_000 });
        await remove('names', a, 'gone-unknown', 'not a name', '');
        await remove('a name twice', b, b);
        await remove('the metadata topic', '__cluster_metadata');
        await remove('nothing');
        await side.call('no time', deleteTopicsApi, version, { topicNames: [c], timeoutMs: 0 });
        continue;
      }
      const remove = (what: string, ...topics: readonly (readonly [string | null, string?])[]): Promise<unknown> =>
        side.call(what, deleteTopicsApi, version, {
          topics: topics.map(([one, topicId = zeroUuid]) => ({ name: one, topicId })),
          timeoutMs: 30_000,
        });
      await remove('a name', [a]);
      await remove('an unknown name', ['gone-unknown']);
      await remove('an id', [null, id(b)]);
      await remove('an id again', [null, id(b)]);
      await remove('an unknown id', [null, unknownId]);
      await remove('neither', [null]);
      await remove('both', [c, id(c)]);
      await remove('a name twice', [c], [c]);
      await remove('an id twice', [null, id(c)], [null, id(c)]);
      await remove('a name and its id', [c], [null, id(c)]);
      await remove('a name, and its id twice', [c], [null, id(c)], [null, id(c)]);
    }
  },
};

export const createPartitions: Script = {
  name: 'create partitions',
  async run(side) {
    await side.coordinated('grown');
    for (const version of versionsOf(createPartitionsApi)) {
      const name = `grown-${version}`;
      await side.topic(name, 2);
      const grow = (what: string, topics: readonly CreatePartitionsTopic[], validateOnly = false): Promise<unknown> =>
        side.call(what, createPartitionsApi, version, { topics, timeoutMs: 30_000, validateOnly });
      const to = (count: number, assignments: readonly (readonly number[])[] | null = null): CreatePartitionsTopic => ({
        name,
        count,
        assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null,
      });
      await grow('as many', [to(2)]);
      await grow('fewer', [to(1)]);
      await grow('none', [to(0)]);
      await grow('fewer than none', [to(-1)]);
      await grow('an unknown topic', [{ name: 'grown-unknown', count: 3, assignments: null }]);
      await grow('a topic twice', [to(3), to(4)]);
      await grow('too few assignments', [to(4, [[1]])]);
      await grow('no assignments', [to(4, [])]);
      await grow('an unknown node', [to(3, [[2]])]);
      await grow('an empty assignment', [to(3, [[]])]);
      await grow('validate only', [to(4)], true);
      await grow('more for the topic of groups', [{ name: '__consumer_offsets', count: 77, assignments: null }], true);
      await grow('more', [to(3)]);
      await grow('more, assigned', [to(5, [[1], [1]])]);
      await side.served(name, 5);
      await side.call('no time', createPartitionsApi, version, { topics: [to(6)], timeoutMs: 0, validateOnly: false });
      await side.produce(name, ['one'], { partition: 4 });
    }
  },
};

/** What clients may do to topics that belong to the broker. */
const internalTopics: Script = {
  name: 'internal topics',
  async run(side) {
    await side.coordinated('internal');
    const records = encodeRecordBatch([{ key: utf8('k'), value: utf8('v'), timestampMs: 1 }], { nowMs: 1 });
    for (const name of ['__consumer_offsets', '__cluster_metadata', '__transaction_state']) {
      const topicData = [{ name, topicId: zeroUuid, partitionData: [{ index: 0, records }] }];
      await side.call(`write to ${name}`, produceApi, 9, { acks: -1, timeoutMs: 30_000, topicData });
      const partitions = [{ partitionIndex: 0, offset: -1n }];
      await side.call(`empty ${name}`, deleteRecordsApi, 2, { topics: [{ name, partitions }], timeoutMs: 30_000 });
    }
    const names = ['__cluster_metadata', '__transaction_state'];
    await side.call('remove what is not there', deleteTopicsApi, 5, { topicNames: names, timeoutMs: 30_000 });
  },
};

/** Everything about topics, one after the other. */
export const topicScripts: readonly Script[] = [createTopics, deleteTopics, createPartitions, internalTopics];
