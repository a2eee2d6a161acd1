// What the groups of a coordinator are given: time, chance, bounds, and somewhere to keep what must outlive it.
import type { Clock, Logger, Random } from '@throughline/event';
import type { GroupSettings } from './group-settings.ts';
import type { Group } from './group.ts';

export interface GroupStore {
  /**
   * Keeps a group as it is now, its members with these assignments. Calls of one group take effect in order.
   *
   * @returns when it is durable
   * @throws ThroughlineError what the log rejects with
   */
  keepGroup(group: Group, assignments: ReadonlyMap<string, Uint8Array>): Promise<void>;
}

export interface GroupEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: GroupSettings;
  readonly store: GroupStore;
}
