import type { Api } from '@throughline/wire';
import type { Side } from '../side.ts';

/** Asks a broker for something; it runs against both, and does the same whatever it is answered. */
export interface Script {
  readonly name: string;
  run(side: Side): Promise<void>;
}

/** All versions of an API, the oldest first. */
export function versionsOf({ versionMin, versionMax }: Pick<Api, 'versionMin' | 'versionMax'>): readonly number[] {
  return Array.from({ length: versionMax - versionMin + 1 }, (_, index) => versionMin + index);
}
