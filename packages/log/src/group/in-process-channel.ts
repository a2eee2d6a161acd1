// The way of a member to the coordinator of its group in the same process.
import type { Broker, InProcessGroups } from '@throughline/broker';
import type { GroupChannel } from './group-channel.ts';

export function inProcessChannel(groups: InProcessGroups, broker: Broker, groupId: string): GroupChannel {
  return {
    request: (api, request, signal) => groups.request(groupId, api, request, signal),
    forget: () => {
      // There is no other one.
    },
    partitionCounts: async (topics) => {
      const found = topics.map((topic) => [topic, broker.findTopic(topic)?.partitionCount] as const);
      return new Map(found.filter((entry): entry is [string, number] => entry[1] !== undefined));
    },
    // The log that opened the coordinator closes it.
    close: async () => {},
  };
}
