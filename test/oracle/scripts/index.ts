import { configScripts } from './configs.ts';
import { groupScripts } from './groups.ts';
import { cluster, metadata, quorum } from './metadata.ts';
import { placementScripts } from './placement.ts';
import { recordScripts } from './records.ts';
import type { Script } from './script.ts';
import { topicScripts } from './topics.ts';

/** In the order in which they run. */
export const scripts: readonly Script[] = [
  cluster,
  metadata,
  quorum,
  ...topicScripts,
  ...configScripts,
  ...placementScripts,
  ...recordScripts,
  ...groupScripts,
];
