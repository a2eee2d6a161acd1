// What doctor finds by asking the log itself: what acknowledgements survive, whether the times of records can be right, and how
// far groups are behind.
import { ThroughlineError } from '@throughline/event';
import type { Durability, KafkaCluster, TopicDescription } from '@throughline/log';
import * as defaults from '../defaults.ts';
import { withCluster } from './cluster.ts';
import type { Finding } from './finding.ts';
import { groupLag } from './group-lag.ts';
import type { Options } from './options.ts';
import { countText } from '../terminal/output.ts';

export async function checkLog(options: Options): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  try {
    await withCluster(options, async (cluster) => {
      const topics = await cluster.log.admin.topics();
      findings.push(...checkDurability(topics), await checkClock(cluster, topics), ...(await checkGroups(cluster)));
    });
  } catch (error) {
    const { message, remedy } = ThroughlineError.from(error);
    findings.push({ check: 'log', state: 'broken', says: `${message}. ${remedy}` });
  }
  return findings;
}

const survives: Readonly<Record<Durability, string>> = {
  memory: 'are gone with the process; alter the topic to os or fsync if that is too little',
  os: 'survive kill -9, and a power cut may take the last seconds; fsync is safe from that',
  fsync: 'survive a power cut',
};

/** One line for each level that topics have. */
function checkDurability(topics: readonly TopicDescription[]): Finding[] {
  const levels = ['memory', 'os', 'fsync'] as const;
  return levels.flatMap((level): Finding[] => {
    const names = topics.filter(({ config }) => config.durability === level).map(({ topic }) => topic);
    if (names.length === 0) return [];
    const state = level === 'memory' ? 'warning' : 'ok';
    return [
      { check: 'durability', state, says: `${level}: acknowledged records of ${listed(names)} ${survives[level]}` },
    ];
  });
}

/** The newest record of each partition: one from the future keeps its segment from expiring. */
async function checkClock({ log }: KafkaCluster, topics: readonly TopicDescription[]): Promise<Finding> {
  const ahead: string[] = [];
  const newestMs = Date.now() + defaults.clockAheadMsMax;
  for (const { partitions, topic } of topics) {
    for (const { highWatermark, isOnline, logStartOffset, partition } of partitions) {
      if (!isOnline || highWatermark === logStartOffset) continue;
      const { records } = await log.read({ topic, partition, offset: highWatermark - 1n, bytesMax: 1 });
      if (records.some(({ timestampMs }) => timestampMs > newestMs)) ahead.push(`${topic}-${partition}`);
    }
  }
  if (ahead.length === 0) return { check: 'clock', state: 'ok', says: 'no record is from the future' };
  const says = `${listed(ahead)}: the newest records are from the future; set the clocks of their producers, or use message.timestamp.type=LogAppendTime`;
  return { check: 'clock', state: 'warning', says };
}

async function checkGroups(cluster: KafkaCluster): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { groupId, protocolType, state } of await cluster.groups()) {
    if (protocolType !== 'consumer' && protocolType !== '') continue;
    const lags = await groupLag(cluster, groupId);
    const total = lags.reduce((sum, { lag }) => sum + (lag ?? 0n), 0n);
    const who = state === 'Empty' ? ', and has no members' : '';
    if (total <= BigInt(defaults.lagRecordsMax)) {
      findings.push({ check: 'group', state: 'ok', says: `${groupId}: ${countText(total, 'record')} behind${who}` });
      continue;
    }
    const advice =
      state === 'Empty'
        ? 'start its consumers, or delete the group if nobody needs it'
        : `add consumers, or look who is slow: throughline groups describe ${groupId}`;
    findings.push({
      check: 'group',
      state: 'warning',
      says: `${groupId}: ${countText(total, 'record')} behind${who}; ${advice}`,
    });
  }
  return findings;
}

/** Some names, and how many more there are. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
