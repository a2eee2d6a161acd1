// <data-dir>/server.json: how other processes find a running server. Written by rename once it answers, removed at a
// clean stop; after a crash it stays behind, so a reader checks that its pid is alive.
//
//   { "pid": 4711, "http": "http://127.0.0.1:4437", "kafka": "127.0.0.1:9092", "log": "embedded", "version": "0.1.0" }
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
import * as z from 'zod';

const schema = z.object({
  pid: z.int(),
  http: z.string(),
  /** Null where the log is on a cluster of its own. */
  kafka: z.string().nullable(),
  /** `embedded`, or the address of the cluster that holds the log. */
  log: z.string().default('embedded'),
  version: z.string(),
});
export type ServerFile = z.infer<typeof schema>;

const fileOf = (dataDir: string): string => path.join(dataDir, 'server.json');

export function writeServerFile(dataDir: string, content: ServerFile): void {
  mkdirSync(dataDir, { recursive: true });
  const temporary = `${fileOf(dataDir)}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(temporary, fileOf(dataDir));
}

export function removeServerFile(dataDir: string): void {
  rmSync(fileOf(dataDir), { force: true });
}

/**
 * The server that runs on a data folder.
 *
 * @throws ThroughlineError SERVER_NOT_RUNNING when there is none, or only what a crashed one left behind
 */
export function readServerFile(dataDir: string): ServerFile {
  let text: string;
  try {
    text = readFileSync(fileOf(dataDir), 'utf8');
  } catch (cause) {
    throw new ThroughlineError('SERVER_NOT_RUNNING', `no server runs on ${dataDir}`, { cause });
  }
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) throw new ThroughlineError('SERVER_NOT_RUNNING', `${fileOf(dataDir)} is damaged`);
  if (!isAlive(parsed.data.pid)) {
    throw new ThroughlineError('SERVER_NOT_RUNNING', `the server of ${dataDir} (pid ${parsed.data.pid}) has died`);
  }
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Damaged: the schema refuses undefined with the right code.
    return undefined;
  }
}

/** Whether a process of that id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
