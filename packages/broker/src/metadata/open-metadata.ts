// Finding out whose folder it is, and opening its metadata: an empty folder begins, one with a topics.json of format 1 is
// carried over, one that Apache Kafka has written is checked (kafka-folder.ts) and taken over, one whose metadata is damaged
// is brought in line with its folders (metadata-repair.ts).
//
// `meta.properties` is written last. A crash before it leaves a metadata log that does not count and is begun anew; a
// topics.json is removed only behind it.
import { ThroughlineError } from '@throughline/event';
import type { BrokerSetup } from './broker-setup.ts';
import { isPartitionFolderName } from '../storage/partition-folder.ts';
import { checkKafkaFolder } from './kafka-folder.ts';
import { metadataFolder } from './metadata-folder.ts';
import { legacyTopicsFile, readLegacyTopics, type LegacyTopics } from './legacy-topics.ts';
import { newMetaProperties, readMetaProperties, storeMetaProperties, type MetaProperties } from './meta-properties.ts';
import { MetadataLog, type MetadataLogOptions } from './metadata-log.ts';
import { hasUnknownRecords, repairMetadata } from './metadata-repair.ts';
import { MetadataState } from './metadata-state.ts';
import { MetadataStore } from './metadata-store.ts';
import { featureRecord } from './metadata-version.ts';
import type { WritableRecord } from './metadata-record.ts';
import { topicRecordsOf } from './topic-as-records.ts';

/**
 * @throws ThroughlineError DATA_FORMAT_UNSUPPORTED, CORRUPT_RECORD
 */
export async function openMetadata(setup: BrokerSetup): Promise<MetadataStore> {
  const { disk, dataDir, logger } = setup;
  const properties = await readMetaProperties(disk, dataDir);
  const store = properties === undefined ? await begin(setup) : await reopen(setup, properties);
  // Left behind by a crash right after it was carried over.
  if ((await disk.readFile(`${dataDir}/${legacyTopicsFile}`)) !== undefined) {
    await disk.remove(`${dataDir}/${legacyTopicsFile}`);
    await disk.syncDirectory(dataDir);
    logger.info({ folder: dataDir }, 'the list of topics has become the metadata log');
  }
  return store;
}

async function begin(setup: BrokerSetup): Promise<MetadataStore> {
  const { disk, dataDir, random, logger } = setup;
  const legacy = await readLegacyTopics(disk, dataDir);
  if (legacy === undefined) await checkEmpty(setup);
  const properties = newMetaProperties(random);
  const records = firstRecords(legacy, properties);
  const state = new MetadataState();
  for (const record of records) state.apply(record);
  const log = await MetadataLog.create(logOptions(setup), records);
  try {
    await storeMetaProperties(disk, dataDir, properties);
  } catch (error) {
    await log.close();
    throw error;
  }
  return new MetadataStore(properties, log, state, logger);
}

async function reopen(setup: BrokerSetup, properties: MetaProperties): Promise<MetadataStore> {
  const state = new MetadataState();
  const log = await MetadataLog.open(logOptions(setup), {
    apply: (record) => state.apply(record),
    lose: (fromOffset, toOffset) => {
      if (!properties.isOurs) throw unknownPast(setup, fromOffset);
      state.lose(fromOffset, toOffset);
    },
  });
  const store = new MetadataStore(properties, log, state, setup.logger);
  try {
    if (store.isForeign) {
      if (state.losses[0] !== undefined) throw unknownPast(setup, state.losses[0].fromOffset);
      await checkKafkaFolder(setup, properties, state);
    } else {
      // It was begun anew, and what the folders say has not come to its end.
      if (state.losses.length === 0 && !state.features.has(featureRecord.name)) state.lose(0n);
      if (log.isTailCut && (await hasUnknownRecords(setup, state))) state.lose(log.end.endOffset);
      if (state.losses.length > 0) await store.repair((append) => repairMetadata(setup, properties, state, append));
    }
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

/** What Kafka said there may be why its folder is not to be taken over. */
function unknownPast({ dataDir }: BrokerSetup, fromOffset: bigint): ThroughlineError {
  const message = `${dataDir}: the metadata log that Apache Kafka wrote is damaged at offset ${fromOffset}`;
  return new ThroughlineError('CORRUPT_RECORD', message, { details: { folder: dataDir } });
}

function firstRecords(legacy: LegacyTopics | undefined, properties: MetaProperties): WritableRecord[] {
  const { topics = [], deleting = [] } = legacy ?? {};
  return [
    featureRecord,
    // What was on its way out goes on being so.
    ...deleting.flatMap((topic): WritableRecord[] => [
      ...topicRecordsOf(topic, properties),
      { type: 'remove-topic', topicId: topic.topicId },
    ]),
    ...topics.flatMap((topic) => topicRecordsOf(topic, properties)),
  ];
}

async function checkEmpty({ disk, dataDir }: BrokerSetup): Promise<void> {
  const names = await disk.list(dataDir);
  const partition = names.find((name) => isPartitionFolderName(name) && name !== metadataFolder);
  if (partition === undefined) return;
  throw new ThroughlineError('DATA_FORMAT_UNSUPPORTED', `${dataDir}: it has ${partition} and no meta.properties`, {
    details: { folder: dataDir },
  });
}

function logOptions({ disk, dataDir, clock, logger }: BrokerSetup): MetadataLogOptions {
  return { disk, folder: `${dataDir}/${metadataFolder}`, clock, logger };
}
