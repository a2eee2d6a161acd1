// Which topics and partitions a request is about, whatever its API: requests name them in a handful of ways, which are all
// known here, so that a fault rule need not be written per API.

export interface SoughtPartition {
  readonly topic: string;
  readonly topicId: string | undefined;
  /** Undefined for any. */
  readonly partition: number | undefined;
}

const topicFields = ['name', 'topic', 'topicName', 'topicId'];
const partitionFields = ['index', 'partition', 'partitionIndex', 'partitionId'];

/** True when a request body names the topic, and with a partition given that partition of it. */
export function namesPartition(body: unknown, sought: SoughtPartition): boolean {
  if (Array.isArray(body)) return body.some((item) => namesPartition(item, sought));
  if (!isStructure(body)) return false;
  const { topic, topicId, partition } = sought;
  if (topicFields.some((field) => body[field] === topic || (topicId !== undefined && body[field] === topicId))) {
    return partition === undefined || hasPartition(body, partition);
  }
  return Object.values(body).some((value) => namesPartition(value, sought));
}

function hasPartition(topic: Readonly<Record<string, unknown>>, partition: number): boolean {
  return Object.entries(topic).some(([field, value]) => {
    if (!Array.isArray(value)) return partitionFields.includes(field) && value === partition;
    return value.some((item) => item === partition || (isStructure(item) && hasPartition(item, partition)));
  });
}

function isStructure(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}
