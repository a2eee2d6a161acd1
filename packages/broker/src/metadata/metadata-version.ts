// The level of the records in the metadata log.
import type { WritableRecord } from './metadata-record.ts';

/** What Apache Kafka 4.3.1 says in a new folder of its own: the level of its records, which these are. */
export const featureRecord: Extract<WritableRecord, { type: 'feature-level' }> = {
  type: 'feature-level',
  name: 'metadata.version',
  featureLevel: 30,
};
