// The trigger `bucket`: a function is called asynchronously for each file that comes into a folder of this machine, is written anew
// there, or goes. What is in the folder is an object, its path there is the key.
//
//   unknown or changed ──nothing has written to it for half a second──► kept as an event ──► seen
//   seen, and gone     ────────────────────────────────────────────────► kept as an event ──► forgotten
//
// A file counts when it is whole. What was there when the trigger was first started counts as seen, as with S3; what comes while no
// server runs is found at the next start. An event has an id made of key and stamp (time, size, inode): one that is handed over
// twice counts once. Names that begin with a dot, and links, are no objects.
// Source: Amazon S3 user guide, "Event notification types and destinations".
import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { array, delayOrAbort, object, optional, parseExact, string, ThroughlineError } from '@throughline/event';
import { bucketLookMs, bucketSettleMs, retryDelayMs } from '../../defaults.ts';
import { FolderTree } from '../../watch/folder-tree.ts';
import { namedUuid } from '../named-uuid.ts';
import type { RunningTrigger, TriggeredFunction, TriggerKind, TriggerServices, TriggerStatus } from '../trigger.ts';
import { bucketEvent, type BucketEventName } from './bucket-event.ts';
import { SeenFiles } from './seen-files.ts';

export interface BucketConfig {
  readonly type: 'bucket';
  /** Absolute path once the configuration is loaded; it is made where it is missing. */
  readonly folder: string;
  /** Names of events; `*` at the end is any. */
  readonly events: readonly string[];
  /** What keys begin and end with. */
  readonly prefix: string;
  readonly suffix: string;
}

const eventNames: readonly BucketEventName[] = ['ObjectCreated:Put', 'ObjectRemoved:Delete'];

const schema = object({
  type: string(),
  folder: string({ pattern: /^[^\0]+$/, what: 'a folder' }),
  events: optional(array(string(), { lengthMin: 1 })),
  prefix: optional(string()),
  suffix: optional(string()),
});

export const bucketKind: TriggerKind<BucketConfig> = {
  type: 'bucket',
  read(value, at) {
    const problem = schema.problem(value, at);
    if (problem !== undefined) throw new ThroughlineError('CONFIG_INVALID', problem);
    const {
      folder,
      events = ['ObjectCreated:*'],
      prefix = '',
      suffix = '',
    } = parseExact(schema, value, 'CONFIG_INVALID');
    const wrong = events.find((event) => !eventNames.some((name) => covers(event, name)));
    if (wrong !== undefined) {
      const known = 'ObjectCreated:*, ObjectCreated:Put, ObjectRemoved:* or ObjectRemoved:Delete';
      throw new ThroughlineError('CONFIG_INVALID', `${at}.events: ${JSON.stringify(wrong)} is none of ${known}`);
    }
    return { type: 'bucket', folder, events: events.map(withoutService), prefix, suffix };
  },
  start: (config, target, services) => new RunningBucket(config, target, services),
};

/** `s3:ObjectCreated:*` is what AWS's templates say. */
function withoutService(event: string): string {
  return event.replace(/^s3:/, '');
}

function covers(event: string, name: BucketEventName): boolean {
  const asked = withoutService(event);
  return asked === name || asked === `${name.split(':', 1)[0]}:*`;
}

class RunningBucket implements RunningTrigger {
  readonly #config: BucketConfig;
  readonly #target: TriggeredFunction;
  readonly #services: TriggerServices;
  readonly #tree: FolderTree;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Files that somebody may still be writing to: their stamp, and since when it is that. */
  readonly #unsettled = new Map<string, { readonly stamp: string; readonly sinceMs: number }>();
  #wake: AbortController = new AbortController();
  #problem: ThroughlineError | undefined;

  constructor(config: BucketConfig, target: TriggeredFunction, services: TriggerServices) {
    this.#config = config;
    this.#target = target;
    this.#services = services;
    this.#tree = new FolderTree({
      roots: [config.folder],
      logger: services.logger,
      takesFolder: (name) => !name.startsWith('.'),
      takesFile: (name) => !name.startsWith('.'),
      onTouched: () => this.#wake.abort(),
    });
    this.#stop.signal.addEventListener('abort', () => this.#wake.abort(), { once: true });
    this.#running = this.#run();
  }

  status(): TriggerStatus {
    const { type, folder } = this.#config;
    const problem = this.#problem;
    return {
      type,
      functionName: this.#target.name,
      source: folder,
      ...(problem === undefined ? {} : { problem: { code: problem.code, message: problem.message } }),
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#tree.close();
  }

  async #run(): Promise<void> {
    const { clock, logger, stateDir } = this.#services;
    const { folder } = this.#config;
    const { signal } = this.#stop;
    let seen: SeenFiles | undefined;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      let waitMs = bucketLookMs;
      try {
        if (seen === undefined) {
          await mkdir(folder, { recursive: true });
          await mkdir(stateDir, { recursive: true });
          const opened = await SeenFiles.open(path.join(stateDir, `${this.#id()}.json`), clock, logger);
          if (opened.isNew) await this.#seeAll(opened.seen);
          // Also where there is nothing: what comes from here on is new, whenever the next start is.
          if (opened.isNew) await opened.seen.save();
          seen = opened.seen;
        }
        waitMs = await this.#look(seen);
        this.#tell(undefined);
      } catch (thrown) {
        this.#tell(ThroughlineError.from(thrown));
        waitMs = retryDelayMs;
      }
      if (!signal.aborted) await delayOrAbort(clock, waitMs, this.#wake.signal);
      // What touches a folder does it more than once.
      if (!signal.aborted) await delayOrAbort(clock, bucketSettleMs / 10, signal);
    }
    await seen?.close();
  }

  /** @returns after how long to look again */
  async #look(seen: SeenFiles): Promise<number> {
    const { clock } = this.#services;
    const { folder, prefix, suffix } = this.#config;
    const { files, problem } = await this.#tree.look();
    const present = new Set<string>();
    let waitMs = bucketLookMs;
    for (const [file, stats] of files) {
      if (this.#stop.signal.aborted) return 0;
      const key = path.relative(folder, file).split(path.sep).join('/');
      if (!key.startsWith(prefix) || !key.endsWith(suffix)) continue;
      present.add(key);
      const stamp = stampOf(stats);
      if (seen.get(key) === stamp) continue;
      const settlesMs = this.#settlesAfter(key, stamp, stats, clock.monotonicMs());
      if (settlesMs > 0) waitMs = Math.min(waitMs, settlesMs);
      else if (await this.#created(file, key, stamp, stats)) {
        this.#unsettled.delete(key);
        seen.set(key, stamp);
      } else waitMs = Math.min(waitMs, bucketSettleMs);
    }
    for (const key of this.#unsettled.keys()) if (!present.has(key)) this.#unsettled.delete(key);
    // Of what could not be read nobody knows what has gone.
    if (problem !== undefined) throw problem;
    for (const key of seen.keys()) {
      if (present.has(key) || this.#stop.signal.aborted) continue;
      await this.#hand('ObjectRemoved:Delete', key, seen.get(key)!, clock.nowMs());
      seen.delete(key);
    }
    return waitMs;
  }

  /** For how long nothing may write to a file until it counts as whole; one that was written long ago and moved here is. */
  #settlesAfter(key: string, stamp: string, { mtimeMs }: Stats, monotonicMs: number): number {
    const before = this.#unsettled.get(key);
    if (before?.stamp !== stamp) this.#unsettled.set(key, { stamp, sinceMs: monotonicMs });
    const sinceMs = before?.stamp === stamp ? before.sinceMs : monotonicMs;
    // The wall clock may be wrong; what was watched for long enough is whole in any case.
    const agedMs = this.#services.clock.nowMs() - mtimeMs;
    return bucketSettleMs - Math.max(agedMs, monotonicMs - sinceMs);
  }

  /** @returns false when it was written to meanwhile */
  async #created(file: string, key: string, stamp: string, stats: Stats): Promise<boolean> {
    if (!this.#wants('ObjectCreated:Put')) return true;
    const hash = createHash('md5');
    try {
      for await (const bytes of createReadStream(file)) hash.update(bytes as Buffer);
      if (stampOf(await stat(file)) !== stamp) return false;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw thrown;
    }
    await this.#hand('ObjectCreated:Put', key, stamp, stats.mtimeMs, { size: stats.size, eTag: hash.digest('hex') });
    return true;
  }

  async #hand(
    name: BucketEventName,
    key: string,
    stamp: string,
    timeMs: number,
    file?: { readonly size: number; readonly eTag: string },
  ): Promise<void> {
    if (!this.#wants(name)) return;
    const { folder, type } = this.#config;
    const functionName = this.#target.name;
    const id = namedUuid(`${this.#id()}\n${name}\n${key}\n${stamp}`);
    const change = { name, folder, key, timeMs, sequence: timeMs * 1000, id, ...(file === undefined ? {} : { file }) };
    await this.#services.accept({ functionName, event: bucketEvent(change), origin: `${type} ${folder}`, id });
  }

  #wants(name: BucketEventName): boolean {
    return this.#config.events.some((event) => covers(event, name));
  }

  /** What is there when the trigger begins was not put there for it. */
  async #seeAll(seen: SeenFiles): Promise<void> {
    const { files, problem } = await this.#tree.look();
    if (problem !== undefined) throw problem;
    const { folder, prefix, suffix } = this.#config;
    for (const [file, stats] of files) {
      const key = path.relative(folder, file).split(path.sep).join('/');
      if (key.startsWith(prefix) && key.endsWith(suffix)) seen.set(key, stampOf(stats));
    }
  }

  /** Names this trigger, the same after each start. */
  #id(): string {
    const { folder, events, prefix, suffix } = this.#config;
    return namedUuid(['bucket', this.#target.name, folder, events.join(), prefix, suffix].join('\n'));
  }

  #tell(problem: ThroughlineError | undefined): void {
    if (problem !== undefined && problem.message !== this.#problem?.message) {
      const { folder } = this.#config;
      this.#services.logger.error(
        { function: this.#target.name, folder, ...problem.toJSON() },
        'a bucket hands on nothing: it is tried again',
      );
    }
    this.#problem = problem;
  }
}

function stampOf({ mtimeMs, size, ino }: Stats): string {
  return `${mtimeMs} ${size} ${ino}`;
}
