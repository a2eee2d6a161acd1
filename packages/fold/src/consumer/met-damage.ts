// The damage that a consumer meets on its way through the log: logged at once, counted with the transaction that passes it, so
// that a transaction which fails and is tried again counts it once.
import type { Logger } from '@throughline/event';
import { damagedRecords, damageFields, type Damage } from '@throughline/log';

export class MetDamage {
  readonly #name: string;
  readonly #logger: Logger;
  #damages: Damage[] = [];

  constructor(name: string, logger: Logger) {
    this.#name = name;
    this.#logger = logger;
  }

  readonly meet = (damage: Damage): void => {
    this.#damages.push(damage);
    const fields = { consumer: this.#name, damagedRecords: damagedRecords(damage), ...damageFields(damage) };
    this.#logger.error(fields, 'the log is damaged: reading goes on without these records');
  };

  /** Offsets that could not be read below `offsets` (index = partition). */
  countBelow(offsets: readonly bigint[]): number {
    return this.#damages.reduce((sum, each) => sum + (isBelow(each, offsets) ? damagedRecords(each) : 0), 0);
  }

  /** Those below `offsets` are in a checkpoint now. */
  counted(offsets: readonly bigint[]): void {
    this.#damages = this.#damages.filter((each) => !isBelow(each, offsets));
  }
}

function isBelow({ partition, nextOffset }: Damage, offsets: readonly bigint[]): boolean {
  return nextOffset <= (offsets[partition] ?? 0n);
}
