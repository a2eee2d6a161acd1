// <data-dir>/server.json: how other processes find a running server. Written by rename once it answers, removed at a
// clean stop; after a crash it stays behind, so a reader checks that its pid is alive.
//
//   { "pid": 4711, "http": "http://127.0.0.1:4437", "kafka": "127.0.0.1:9092", "log": "embedded", "version": "0.1.0" }
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { nullable, number, object, parse, string, ThroughlineError, type OutputOf } from '@throughline/event';

const schema = object({
  pid: number({ integer: true }),
  http: string(),
  /** Null where the log is on a cluster of its own. */
  kafka: nullable(string()),
  /** `embedded`, or the address of the cluster that holds the log. */
  log: string(),
  version: string(),
});
export type ServerFile = OutputOf<typeof schema>;

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
  const found = serverFileFrom(text);
  if (found === undefined) throw new ThroughlineError('SERVER_NOT_RUNNING', `${fileOf(dataDir)} is damaged`);
  if (!isAlive(found.pid)) {
    throw new ThroughlineError('SERVER_NOT_RUNNING', `the server of ${dataDir} (pid ${found.pid}) has died`);
  }
  return found;
}

function serverFileFrom(text: string): ServerFile | undefined {
  try {
    return parse(schema, JSON.parse(text));
  } catch {
    // Damaged, which the caller says with the right code.
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
