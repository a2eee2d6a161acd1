// AlterReplicaLogDirs (KIP-113): moves partitions to other folders of their node. There is one folder: whoever names it has
// what he asks for, and whoever names another is told that it is not there.
import type { KafkaErrorName } from '@throughline/wire';
import {
  alterReplicaLogDirsApi,
  type AlterReplicaLogDirsRequest,
  type AlterReplicaLogDirsResponse,
} from '@throughline/wire/apis';
import type { Services } from './services.ts';
import { handler, type ApiRequest } from './handler.ts';
import { isNotLed, ledPartition } from '../topics/led-partition.ts';

export const alterReplicaLogDirs = handler({ api: alterReplicaLogDirsApi, handle, failed });

type Request = ApiRequest<AlterReplicaLogDirsRequest>;

function handle(services: Services, request: Request): AlterReplicaLogDirsResponse {
  return answered(request, (folder, topic, partition) => {
    if (folder !== services.broker.dataDir) return 'LOG_DIR_NOT_FOUND';
    const found = ledPartition(services, request.nodeId, topic, partition);
    if (isNotLed(found)) return found;
    return found.isOnline ? 'NONE' : 'KAFKA_STORAGE_ERROR';
  });
}

function failed(request: Request, errorCode: KafkaErrorName): AlterReplicaLogDirsResponse {
  return answered(request, () => errorCode);
}

/** Each partition is answered once: of several folders for it the last counts, as in Kafka. */
function answered(
  { body }: Request,
  errorOf: (folder: string, topic: string, partition: number) => KafkaErrorName,
): AlterReplicaLogDirsResponse {
  const folders = new Map<string, Map<number, string>>();
  for (const { path, topics } of body.dirs) {
    for (const { name, partitions } of topics) {
      const ofTopic = folders.get(name) ?? new Map<number, string>();
      folders.set(name, ofTopic);
      for (const partition of partitions) ofTopic.set(partition, path);
    }
  }
  const results = Array.from(folders, ([topicName, partitions]) => ({
    topicName,
    partitions: Array.from(partitions, ([partitionIndex, folder]) => {
      return { partitionIndex, errorCode: errorOf(folder, topicName, partitionIndex) };
    }),
  }));
  return { results };
}
