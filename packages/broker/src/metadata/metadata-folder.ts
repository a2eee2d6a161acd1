// The folder of the metadata log: as Apache Kafka names it, like that of a partition.
export const metadataFolder = '__cluster_metadata-0';
