import {
  alterConfigsApi,
  alterReplicaLogDirsApi,
  describeConfigsApi,
  describeLogDirsApi,
  incrementalAlterConfigsApi,
  listConfigResourcesApi,
  type AlterReplicaLogDirsRequest,
  type DescribeConfigsResource,
} from '@throughline/wire/apis';
import type { Side } from '../side.ts';
import { versionsOf, type Script } from './script.ts';

const types = { topic: 2, broker: 4, logger: 8, metrics: 16, group: 32 } as const;
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

type Change = readonly [name: string, operation: keyof typeof operations, value?: string | null];
type Resource = readonly [type: keyof typeof types | number, name: string];

function resourceOf([type, resourceName]: Resource): { resourceType: number; resourceName: string } {
  return { resourceType: typeof type === 'number' ? type : types[type], resourceName };
}

export const describeConfigs: Script = {
  name: 'describe configs',
  async run(side) {
    await side.topic('described', 1, { 'retention.ms': '60000', 'cleanup.policy': 'compact' });
    const describe = (
      what: string,
      version: number,
      resources: readonly Resource[],
      keys?: readonly string[],
    ): Promise<unknown> =>
      side.call(what, describeConfigsApi, version, {
        resources: resources.map((resource): DescribeConfigsResource => {
          return { ...resourceOf(resource), configurationKeys: keys ?? null };
        }),
        includeSynonyms: version !== 2,
      });
    for (const version of versionsOf(describeConfigsApi)) {
      await describe('a topic', version, [['topic', 'described']]);
      const names = ['retention.ms', 'no.such.setting'];
      await describe(
        'some of a topic',
        version,
        [
          ['topic', 'described'],
          ['topic', 'described'],
        ],
        names,
      );
      await describe(
        'some of a node',
        version,
        [['broker', '1']],
        ['num.partitions', 'log.retention.ms', 'log.retention.hours'],
      );
    }
    await describe('no keys', 4, [['topic', 'described']], []);
    await describe('unknown topics', 4, [
      ['topic', 'described-unknown'],
      ['topic', 'a b'],
      ['topic', ''],
    ]);
    await describe('unknown nodes', 4, [
      ['broker', '9'],
      ['broker', 'x'],
    ]);
    await describe('a whole node', 4, [['broker', '01']]);
    const facts = ['node.id', 'broker.id', 'listeners', 'advertised.listeners', 'log.dirs', 'process.roles'];
    const more = ['inter.broker.listener.name', 'listener.security.protocol.map'];
    await describe('what a node is', 4, [['broker', '1']], [...facts, ...more]);
    await describe('unknown loggers', 4, [
      ['logger', ''],
      ['logger', '2'],
      ['logger', 'x'],
    ]);
    await describe('nameless groups and metrics', 4, [
      ['group', ''],
      ['metrics', ''],
    ]);
    await describe('an unknown kind', 4, [
      [3, 'x'],
      ['topic', 'described'],
    ]);
    await describe('no kind', 1, [[0, 'x']]);
  },
};

export const alterConfigs: Script = {
  name: 'alter configs',
  async run(side) {
    for (const version of versionsOf(alterConfigsApi)) {
      const topic = `altered-${version}`;
      await side.topic(topic, 1, { 'segment.ms': '5000' });
      const alter = (
        what: string,
        resources: readonly (readonly [Resource, Record<string, string | null>])[],
        validateOnly = false,
      ): Promise<unknown> =>
        side.call(what, alterConfigsApi, version, {
          resources: resources.map(([resource, configs]) => ({
            ...resourceOf(resource),
            configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
          })),
          validateOnly,
        });
      await alter('validate only', [[['topic', topic], { 'retention.ms': '7000' }]], true);
      await alter('a topic', [[['topic', topic], { 'retention.ms': '6000' }]]);
      await show(side, topic, '6000');
      await alter('topics', [
        [['topic', 'altered-unknown'], { 'retention.ms': '5' }],
        [['topic', topic], { 'no.such.setting': '1' }],
        [['topic', 'a b'], {}],
        [['topic', ''], {}],
      ]);
      await alter('wrong values', [[['topic', topic], { 'retention.ms': 'soon' }]]);
      await alter('a wrong policy', [[['topic', topic], { 'cleanup.policy': 'burn' }]]);
      await alter('null', [[['topic', topic], { 'retention.ms': null }]]);
      await alter('nodes', [
        [['broker', '1'], { 'num.partitions': '3' }],
        [['broker', '2'], { 'log.retention.ms': '3' }],
        [['broker', 'x'], { 'log.retention.ms': '3' }],
        [['broker', ''], { 'no.such.setting': '3', 'node.id': '7' }],
      ]);
      await alter('a setting of a node that there is not', [[['broker', '1'], { 'no.such.setting': 'x' }]]);
      await showUnknown(side, 1);
      await alter('no setting of a node', [[['broker', '1'], {}]]);
      await showUnknown(side, 0);
      await alter('a kind that there is not', [[[3, 'x'], {}]]);
      await alter('loggers', [[['logger', '1'], { x: 'y' }]]);
      await alter('no name', [
        [['group', ''], {}],
        [['metrics', ''], {}],
      ]);
    }
  },
};

/** What holds for a topic once a change is seen. */
async function show(side: Side, topic: string, retentionMs: string | undefined): Promise<void> {
  const configurationKeys = ['retention.ms', 'segment.ms', 'cleanup.policy'];
  const resources = [{ ...resourceOf(['topic', topic]), configurationKeys }];
  if (retentionMs !== undefined) {
    await side.until(`${topic} to have retention.ms ${retentionMs}`, async () => {
      const { results } = await side.ask(describeConfigsApi, 4, { resources });
      const found = results[0]?.configs.find(({ name }) => name === 'retention.ms');
      return found?.value === retentionMs ? true : undefined;
    });
  }
  await side.call('what holds then', describeConfigsApi, 4, { resources, includeSynonyms: true });
}

/** A setting of a broker that neither side knows, once it is set as often as it is to be. */
async function showUnknown(side: Side, count: number): Promise<void> {
  const configurationKeys = ['no.such.setting'];
  const resources = ['1', ''].map((name) => ({ ...resourceOf(['broker', name]), configurationKeys }));
  await side.until(`the unknown setting to be there ${count} times`, async () => {
    const { results } = await side.ask(describeConfigsApi, 4, { resources, includeSynonyms: true });
    const found = results.flatMap(({ configs }) => configs.flatMap(({ synonyms }) => synonyms));
    // That of all nodes is a synonym of each.
    return new Set(found.map(({ source }) => source)).size === count ? true : undefined;
  });
  await side.call(`a setting that is not known, ${count} times`, describeConfigsApi, 4, {
    resources,
    includeSynonyms: true,
    includeDocumentation: true,
  });
}

export const incrementalAlterConfigs: Script = {
  name: 'incremental alter configs',
  async run(side) {
    for (const version of versionsOf(incrementalAlterConfigsApi)) {
      const topic = `changed-${version}`;
      await side.topic(topic, 1, { 'segment.ms': '5000' });
      const alter = (
        what: string,
        resources: readonly (readonly [Resource, ...Change[]])[],
        validateOnly = false,
      ): Promise<unknown> =>
        side.call(what, incrementalAlterConfigsApi, version, {
          resources: resources.map(([resource, ...changes]) => ({
            ...resourceOf(resource),
            configs: changes.map(([name, operation, value = null]) => ({
              name,
              configOperation: operations[operation],
              value,
            })),
          })),
          validateOnly,
        });
      const one: Resource = ['topic', topic];
      await alter('validate only', [[one, ['retention.ms', 'set', '7000']]], true);
      await alter('set', [[one, ['retention.ms', 'set', '6000']]]);
      await show(side, topic, '6000');
      await alter('topics', [
        [
          ['topic', 'changed-unknown'],
          ['retention.ms', 'set', '5'],
        ],
        [one, ['no.such.setting', 'set', '5']],
        [['topic', 'a b']],
        [['topic', '']],
      ]);
      await alter('null', [[one, ['retention.ms', 'set', null]]]);
      await alter('twice the same', [[one, ['retention.ms', 'set', '1'], ['retention.ms', 'set', '2']]]);
      await alter('append to a number', [[one, ['retention.ms', 'append', '1']]]);
      await alter('subtract from a number', [[one, ['retention.ms', 'subtract', '1']]]);
      await alter('append', [[one, ['cleanup.policy', 'append', 'compact'], ['retention.ms', 'set', '6001']]]);
      await show(side, topic, '6001');
      await alter('append it again', [[one, ['cleanup.policy', 'append', 'compact'], ['retention.ms', 'set', '6002']]]);
      await show(side, topic, '6002');
      await alter('subtract', [[one, ['cleanup.policy', 'subtract', 'delete'], ['retention.ms', 'set', '6003']]]);
      await show(side, topic, '6003');
      await alter('append what is not allowed', [[one, ['cleanup.policy', 'append', 'burn']]]);
      await alter('delete', [[one, ['retention.ms', 'delete'], ['cleanup.policy', 'delete']]]);
      await show(side, topic, '604800000');
      await alter('delete what is not set', [[one, ['retention.ms', 'delete'], ['no.such.setting', 'delete']]]);
      await alter('a resource twice', [[one], [one]]);
      await alter('no setting', [[one, ['', 'set', '1']]]);
      await alter('nodes', [
        [
          ['broker', '1'],
          ['num.partitions', 'set', '3'],
        ],
        [
          ['broker', '2'],
          ['log.retention.ms', 'set', '3'],
        ],
        [
          ['broker', 'x'],
          ['log.retention.ms', 'set', '3'],
        ],
      ]);
      await alter('settings of nodes that there are not', [
        [
          ['broker', '1'],
          ['no.such.setting', 'set', 'x'],
        ],
        [
          ['broker', ''],
          ['no.such.setting', 'set', 'y'],
        ],
      ]);
      await showUnknown(side, 2);
      await alter('what nodes are', [
        [
          ['broker', '1'],
          ['node.id', 'set', '7'],
          ['no.such.setting', 'set', 'x'],
        ],
        [
          ['broker', ''],
          ['advertised.listeners', 'set', 'PLAINTEXT://x:1'],
          ['log.dirs', 'set', '/x'],
        ],
      ]);
      for (const operation of ['append', 'subtract'] as const) {
        await alter(`${operation} what is no list of a node`, [
          [
            ['broker', '1'],
            ['no.such.setting', operation, 'x'],
          ],
          [
            ['broker', ''],
            ['num.partitions', operation, 'x'],
          ],
        ]);
      }
      await alter('settings of nodes that there are not, away', [
        [
          ['broker', '1'],
          ['no.such.setting', 'delete'],
        ],
        [
          ['broker', ''],
          ['no.such.setting', 'delete'],
        ],
      ]);
      await showUnknown(side, 0);
      await alter('all nodes, a wrong value', [
        [
          ['broker', ''],
          ['message.max.bytes', 'set', 'x'],
        ],
      ]);
      await alter('all nodes', [
        [
          ['broker', ''],
          ['log.retention.ms', 'set', '100000'],
        ],
      ]);
      await show(side, topic, '100000');
      await alter('one node', [
        [
          ['broker', '1'],
          ['log.retention.ms', 'set', '200000'],
        ],
      ]);
      await show(side, topic, '200000');
      await side.call('nodes as they are then', describeConfigsApi, 4, {
        resources: [
          { ...resourceOf(['broker', '1']), configurationKeys: ['log.retention.ms', 'log.retention.hours'] },
          { ...resourceOf(['broker', '']), configurationKeys: ['log.retention.ms'] },
        ],
        includeSynonyms: true,
      });
      await alter('back', [
        [
          ['broker', '1'],
          ['log.retention.ms', 'delete'],
        ],
        [
          ['broker', ''],
          ['log.retention.ms', 'delete'],
        ],
      ]);
      await show(side, topic, '604800000');
      await alter('a kind that there is not', [[[3, 'x']]]);
      await alter('no name', [[['group', '']], [['metrics', '']]]);
      await alter('loggers', [
        [
          ['logger', '1'],
          ['no.such.logger', 'set', 'DEBUG'],
        ],
        [
          ['logger', '2'],
          ['x', 'set', 'INFO'],
        ],
        [
          ['logger', ''],
          ['x', 'set', 'INFO'],
        ],
      ]);
      await alter('a group', [
        [
          ['group', 'g'],
          ['no.such.setting', 'set', '1'],
        ],
      ]);
    }
  },
};

export const resources: Script = {
  name: 'resources and folders',
  async run(side) {
    await side.topic('listed', 2);
    await side.produce('listed', ['one', 'two']);
    for (const version of versionsOf(listConfigResourcesApi)) {
      for (const resourceTypes of version === 0
        ? [[]]
        : [[types.broker], [types.logger], [types.broker, types.logger], [7]]) {
        await side.call(`kinds ${resourceTypes.join(' ')}`, listConfigResourcesApi, version, { resourceTypes });
      }
    }
    const topics = await side.ask(listConfigResourcesApi, 1, { resourceTypes: [types.topic] });
    const configResources = topics.configResources.filter(({ resourceName }) => resourceName === 'listed');
    side.note('topics', listConfigResourcesApi, 1, { ...topics, configResources });
    const { results } = await side.ask(describeLogDirsApi, 4, { topics: null });
    const folder = results[0]!.logDir;
    for (const version of versionsOf(alterReplicaLogDirsApi)) {
      const move = (what: string, ...dirs: AlterReplicaLogDirsRequest['dirs']): Promise<unknown> =>
        side.call(what, alterReplicaLogDirsApi, version, { dirs });
      const listed = { name: 'listed', partitions: [0, 1, 9, 0] };
      await move('where they are', { path: folder, topics: [listed, { name: 'listed-unknown', partitions: [0] }] });
      await move('elsewhere', { path: '/elsewhere', topics: [listed, { name: 'a b', partitions: [0] }] });
      await move('with a slash', { path: `${folder}/`, topics: [listed] });
      await move('to two', { path: '/elsewhere', topics: [listed] }, { path: folder, topics: [listed] });
      await move('nothing');
    }
    for (const version of versionsOf(describeLogDirsApi)) {
      const asked = [
        { topic: 'listed', partitions: [0, 1, 9] },
        { topic: 'listed-unknown', partitions: [0] },
      ];
      await side.call('topics', describeLogDirsApi, version, { topics: asked });
      await side.call('no topics', describeLogDirsApi, version, { topics: [] });
      await side.call('a topic without partitions', describeLogDirsApi, version, {
        topics: [{ topic: 'listed', partitions: [] }],
      });
    }
  },
};

export const configScripts: readonly Script[] = [describeConfigs, alterConfigs, incrementalAlterConfigs, resources];
