// A bug that is planted so that the checker has something to find.
import type { AnomalyClass } from '../checker/anomalies.ts';

export interface PlantedBug {
  readonly name: string;
  /** What the checker must call it: each of these, in one seed or another. */
  readonly finds: readonly AnomalyClass[];
}
