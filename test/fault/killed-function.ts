// What the fault tests of triggers share: a server whose function notes what it is called with, in a file, and is killed in the middle
// of it.
//
//   a note   { "at": "begin", "id", "life", "pid", … }   life: the process id of the server      { "at": "end", "id", … }
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { integerBetween, type LogRecord, type Random } from '@throughline/event';
import { kafka, type Log } from '@throughline/log';
import type { TestServer } from '../support/server.ts';

/** What each note has, whatever else it says. */
export type AnyNote =
  | { readonly at: 'begin'; readonly id: string; readonly life: number; readonly pid: number }
  | { readonly at: 'end'; readonly id: string };

/** A client of the server's log. */
export function connect(server: TestServer): Promise<Log> {
  const { kafka: address } = JSON.parse(readFileSync(path.join(server.dataDir, 'server.json'), 'utf8')) as {
    kafka: string;
  };
  return kafka({ bootstrap: `kafka://${address}` });
}

/** What the function has noted so far. */
export function notesIn(file: string): readonly AnyNote[] {
  if (!existsSync(file)) return [];
  // A process that is killed may leave half a line; the next one goes on behind it.
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as AnyNote];
      } catch {
        return [];
      }
    });
}

/** Kills processes of the function in the middle of what they do. */
export class FunctionKiller {
  /** Their process ids. */
  readonly killed = new Set<number>();
  readonly #file: string;
  readonly #random: Random;

  constructor(file: string, random: Random) {
    this.#file = file;
    this.#random = random;
  }

  /**
   * @param pauseMsMax the longest time between two kills
   * @returns how many of `count` kills have hit one
   */
  async kill(server: TestServer, count: number, pauseMsMax = 100): Promise<number> {
    let hits = 0;
    for (let kill = 0; kill < count; kill++) {
      await pause(integerBetween(this.#random, 0, pauseMsMax));
      const pid = await this.#atWork(server.pid);
      if (pid === undefined) return hits;
      try {
        process.kill(pid, 'SIGKILL');
        hits++;
      } catch (error) {
        // It has ended meanwhile.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    return hits;
  }

  /** A process that has begun and not ended; undefined where none does for a while. */
  async #atWork(life: number): Promise<number | undefined> {
    for (let look = 0; look < 500; look++) {
      const open = new Map<string, number>();
      for (const note of notesIn(this.#file)) {
        if (note.at === 'end') open.delete(note.id);
        else if (note.life === life && !this.killed.has(note.pid)) open.set(note.id, note.pid);
      }
      const pid = [...open.values()].at(-1);
      if (pid !== undefined) {
        this.killed.add(pid);
        return pid;
      }
      await pause(2);
    }
    return undefined;
  }
}

/** Records of a topic between what a group has committed, and the end. */
export async function lagOf(log: Log, topic: string, group: string): Promise<number> {
  const { partitions } = await log.admin.describeTopic(topic);
  const committed = await log.admin.committedOffsets(group);
  return partitions.reduce((sum, { partition, highWatermark }) => {
    const place = committed.find((one) => one.partition === partition)?.offset ?? 0n;
    return sum + Number(highWatermark - place);
  }, 0);
}

/** All records of a topic. */
export async function recordsOf(log: Log, topic: string): Promise<readonly LogRecord[]> {
  const { partitions } = await log.admin.describeTopic(topic);
  const found: LogRecord[] = [];
  for (const { partition, highWatermark } of partitions) {
    let offset = 0n;
    while (offset < highWatermark) {
      const { records, nextOffset } = await log.read({ topic, partition, offset });
      found.push(...records);
      offset = nextOffset;
    }
  }
  return found;
}
