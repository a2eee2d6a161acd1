// Producer ids, as InitProducerId gives them out (KIP-98): never the same twice, over all lives of a data folder, or one
// producer would be taken for another and its records for duplicates. The broker takes whole blocks durably; what a restart
// leaves of a block is never used.
import { Turns } from '@throughline/event';
import type { Broker } from './broker.ts';

export class ProducerIds {
  readonly #broker: Pick<Broker, 'takeProducerIds'>;
  readonly #taking = new Turns();
  #next = 0n;
  /** The first id behind the block. */
  #end = 0n;

  constructor(broker: Pick<Broker, 'takeProducerIds'>) {
    this.#broker = broker;
  }

  /** An id that nobody has. @throws ThroughlineError OUT_OF_DISK, CLOSED */
  async next(): Promise<bigint> {
    while (this.#next === this.#end) await this.#taking.run(() => this.#take());
    return this.#next++;
  }

  async #take(): Promise<void> {
    // Whoever waited for their turn may find that the one before them has taken enough.
    if (this.#next < this.#end) return;
    const { first, count } = await this.#broker.takeProducerIds();
    this.#next = first;
    this.#end = first + BigInt(count);
  }
}
