// The level of the records in the metadata log.
import type { FeatureLevelRecord } from './records/cluster-records.ts';

/** What Apache Kafka 4.3.1 says in a new folder of its own: the level of its records, which these are. */
export const featureRecord: FeatureLevelRecord = {
  type: 'feature-level',
  name: 'metadata.version',
  featureLevel: 30,
};
