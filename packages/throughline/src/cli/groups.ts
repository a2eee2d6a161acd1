// `throughline groups list | describe GROUP | delete GROUP | reset GROUP`, on the cluster of a server or on any Kafka. A reset
// shows what it would do; only with --execute it does it, and only while the group has no members.
import { ThroughlineError, timestampText } from '@throughline/event';
import type { KafkaCluster } from '@throughline/log';
import { textForm } from '../terminal/foreign-text.ts';
import { withCluster } from './cluster.ts';
import { groupLag } from './group-lag.ts';
import type { Options } from './options.ts';
import { printJson, printLine, printTable, say } from '../terminal/output.ts';
import { plannedResets } from './reset-offsets.ts';

type Action = (cluster: KafkaCluster, groupId: string, options: Options) => Promise<void>;

const actions: Readonly<Record<string, Action>> = { list, describe, delete: remove, reset };

export function run(options: Options, [action = '', groupId]: readonly string[]): Promise<void> {
  const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (act === undefined) {
    const names = Object.keys(actions).join(', ');
    throw new ThroughlineError('INVALID_ARGUMENT', `groups ${action}: expected ${names}`);
  }
  if (act !== list && groupId === undefined) {
    throw new ThroughlineError('INVALID_ARGUMENT', `groups ${action}: which group?`);
  }
  return withCluster(options, (cluster) => act(cluster, groupId ?? '', options));
}

async function list(cluster: KafkaCluster, _groupId: string, options: Options): Promise<void> {
  const found = await cluster.groups();
  if (options['json'] === true) return printJson(found);
  const rows = found.map(({ groupId, protocolType, state }) => [textForm(groupId), state || '-', protocolType || '-']);
  printTable([['group', 'state', 'type'], ...rows]);
}

async function describe(cluster: KafkaCluster, groupId: string, options: Options): Promise<void> {
  const group = await cluster.describeGroup(groupId);
  const offsets = await groupLag(cluster, groupId);
  if (options['json'] === true) return printJson({ ...group, offsets });
  const { coordinator, members, protocol, state } = group;
  printLine(`${textForm(groupId)}  ${state}  ${protocol || 'no protocol'}  coordinator ${coordinator}`);
  printLine('');
  const memberRows = members.map(({ memberId, groupInstanceId, clientId, clientHost, partitions }) => [
    textForm(memberId),
    groupInstanceId === null ? '-' : textForm(groupInstanceId),
    textForm(clientId),
    clientHost,
    partitions.map(({ topic, partition }) => `${topic}-${partition}`).join(' ') || '-',
  ]);
  printTable([['member', 'instance', 'client', 'host', 'reads'], ...memberRows]);
  printLine('');
  const ownerOf = (topic: string, partition: number): string => {
    const owner = members.find(({ partitions }) =>
      partitions.some((one) => one.topic === topic && one.partition === partition),
    );
    return owner === undefined ? '-' : textForm(owner.memberId);
  };
  const offsetRows = offsets.map(({ topic, partition, committed, end, lag }) => [
    topic,
    String(partition),
    String(committed),
    String(end ?? '-'),
    String(lag ?? '-'),
    ownerOf(topic, partition),
  ]);
  printTable([['topic', 'partition', 'committed', 'end', 'lag', 'member'], ...offsetRows]);
}

async function remove(cluster: KafkaCluster, groupId: string, options: Options): Promise<void> {
  await cluster.deleteGroup(groupId);
  if (options['json'] === true) printJson({ deleted: groupId });
  else printLine(`group ${textForm(groupId)} is deleted`);
}

async function reset(cluster: KafkaCluster, groupId: string, options: Options): Promise<void> {
  const { timeMs, resets } = await plannedResets(cluster, groupId, options);
  const isDone = options['execute'] === true && resets.length > 0;
  if (isDone) {
    const offsets = resets.map(({ topic, partition, to }) => ({ topic, partition, offset: to, metadata: '' }));
    await cluster.commitOffsets(groupId, offsets);
  }
  if (options['json'] === true) {
    const time = timeMs === undefined ? {} : { timeMs, time: timestampText(timeMs) };
    return printJson({ groupId, isDone, ...time, offsets: resets });
  }
  if (timeMs !== undefined) printLine(`to the first records from ${timestampText(timeMs)} (UTC) on`);
  const rows = resets.map(({ topic, partition, from, to }) => [
    topic,
    String(partition),
    String(from ?? '-'),
    String(to),
  ]);
  printTable([['topic', 'partition', 'committed', isDone ? 'now' : 'would be'], ...rows]);
  if (resets.length === 0) say('there is nothing to reset; name the topics with --topics');
  else if (!isDone) say('nothing is changed yet; --execute does it');
}
