// The topics that the members of a consumer group read, out of what they say of themselves when they join. Every version of
// ConsumerProtocolSubscription begins with the fields of version 0, so that a coordinator need not know newer ones.
import { MessageReader } from '@throughline/wire';

/** The protocol type of consumers; Connect and others have their own, whose metadata nobody here understands. */
export const consumerProtocolType = 'consumer';

/** The topics of all members together, or undefined when one of them cannot be read. */
export function subscribedTopics(metadata: readonly Uint8Array[]): ReadonlySet<string> | undefined {
  const topics = new Set<string>();
  try {
    for (const bytes of metadata) {
      const from = new MessageReader(bytes, { version: 0, isFlexible: false });
      from.int16();
      for (const topic of from.list((item) => item.string())) topics.add(topic);
    }
  } catch {
    // Metadata of a kind of its own under the name of consumers: then no topic is known to be unused, and no offset expires.
    return undefined;
  }
  return topics;
}
