// Producer ids, as InitProducerId gives them out (KIP-98): never the same twice, over all lives of a data folder, or one
// producer would be taken for another and its records for duplicates.
//
// As Kafka's controller does (ProducerIdsRecord), a whole block is reserved durably before the first of it is given out; what
// a crash leaves of a block is never used. `producer-ids` has the form of a checkpoint with one line: the first id that is
// not reserved. Kafka keeps that number in its metadata log.
import type { Logger, Random } from '@throughline/event';
import { producerIdBlockCount } from '../defaults.ts';
import { decodeCheckpoint, encodeCheckpoint, isNumber } from '../storage/checkpoint-file.ts';
import { replaceFile, type Disk } from '../storage/disk.ts';
import { refusing } from '../refusal.ts';
import { Turns } from '../turns.ts';

const fileName = 'producer-ids';
/** Where to begin after the file was damaged: somewhere in 2^48 numbers above 2^48, where no other life has come to. */
const farAway = 2 ** 48;

export interface ProducerIdsOptions {
  readonly disk: Disk;
  readonly dataDir: string;
  readonly random: Random;
  readonly logger: Logger;
}

export class ProducerIds {
  readonly #options: ProducerIdsOptions;
  readonly #reserving = new Turns();
  #next = 0n;
  /** The first id that is not reserved; undefined until the file was read. */
  #reservedEnd: bigint | undefined;

  constructor(options: ProducerIdsOptions) {
    this.#options = options;
  }

  /** A producer id that nobody has. @throws ThroughlineError OUT_OF_DISK */
  async next(): Promise<bigint> {
    while (this.#next === (this.#reservedEnd ?? 0n)) await this.#reserving.run(() => this.#reserve());
    return this.#next++;
  }

  async #reserve(): Promise<void> {
    // Whoever waited for their turn may find that the one before them has reserved enough.
    if (this.#next < (this.#reservedEnd ?? 0n)) return;
    const { disk, dataDir } = this.#options;
    const start = this.#reservedEnd ?? (await this.#readFile());
    const end = start + BigInt(producerIdBlockCount);
    await refusing(() => replaceFile(disk, dataDir, fileName, encodeCheckpoint([String(end)])));
    this.#next = start;
    this.#reservedEnd = end;
  }

  async #readFile(): Promise<bigint> {
    const { disk, dataDir, random, logger } = this.#options;
    const bytes = await disk.readFile(`${dataDir}/${fileName}`);
    if (bytes === undefined) return 0n;
    const end = decodeCheckpoint(bytes)?.[0]?.[0];
    if (isNumber(end)) return BigInt(end);
    const start = BigInt(farAway + Math.floor(random.float() * farAway));
    logger.error(
      { file: fileName, start },
      'the file of producer ids is damaged: ids go on far from all that were given',
    );
    return start;
  }
}
