// The data folder at the start: made where it is missing, rejected with a reason where it cannot be used, and waited for
// while the server before this one on the same folder is still stopping (Ctrl-C and start again, in one breath).
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ThroughlineError } from '@throughline/event';
import * as defaults from '../defaults.ts';
import { readServerFile } from '../server-file.ts';

/** @throws ThroughlineError CONFIG_INVALID when it cannot be made, read or written */
export function prepareDataDir(dataDir: string): void {
  try {
    makeFolder(dataDir);
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { message } = cause as Error;
    throw new ThroughlineError('CONFIG_INVALID', `data folder ${dataDir} cannot be used: ${message}`, { cause });
  }
}

/** Not mkdirSync's own `recursive`: it never returns where a file system rejects with ENOENT, as /proc does. */
function makeFolder(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error('it is a file');
  makeFolder(path.dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Two starts at once: the other one has made it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Watches the data folder from here on. Files that are open outlive the removal of their folder, so that a server can go on for
 * long without one and lose everything at its end.
 *
 * @returns asks whether the log in it is still the one that was there: DATA_DIR_LOST where it is not
 */
export function watchDataDir(dataDir: string): () => ThroughlineError | undefined {
  const logDir = path.join(dataDir, 'log');
  const identity = (): string | undefined => {
    const found = statSync(logDir, { throwIfNoEntry: false, bigint: true });
    // The number of an inode is used again at once, so it alone says little.
    return found === undefined ? undefined : `${found.dev}/${found.ino}/${found.birthtimeNs}`;
  };
  const before = identity();
  return () => {
    if (identity() === before) return undefined;
    return new ThroughlineError('DATA_DIR_LOST', `${logDir} was removed or replaced while the server runs`);
  };
}

export interface WaitOptions {
  readonly waitMs?: number;
  readonly pollMs?: number;
  onProgress(text: string): void;
}

/**
 * Takes the folder with `open`, again and again while its owner is stopping. A server that runs has its address in
 * server.json, and removes that file as the first thing of a clean stop.
 *
 * @throws ThroughlineError DATA_DIR_IN_USE with the owner's pid and address; what `open` throws
 */
export async function takeDataDir<T>(dataDir: string, open: () => Promise<T>, options: WaitOptions): Promise<T> {
  const { waitMs = defaults.dataDirWaitMs, pollMs = defaults.dataDirPollMs } = options;
  const deadlineMs = performance.now() + waitMs;
  let isTold = false;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!ThroughlineError.is(error, 'DATA_DIR_IN_USE')) throw error;
      const pid = typeof error.details['pid'] === 'number' ? error.details['pid'] : undefined;
      const http = addressOf(dataDir, pid);
      if (http !== undefined || performance.now() >= deadlineMs) throw inUse(dataDir, pid, http, error);
      if (!isTold) options.onProgress(`Waiting for process ${pid ?? '?'}, which still holds ${dataDir} …`);
      isTold = true;
    }
    await pause(pollMs);
  }
}

function inUse(
  dataDir: string,
  pid: number | undefined,
  http: string | undefined,
  cause: ThroughlineError,
): ThroughlineError {
  const { host } = cause.details;
  // Of another container or machine.
  const on = typeof host !== 'string' || host === hostname() ? '' : ` on ${host}`;
  const where = http === undefined ? on : `${on}, which serves ${http}/`;
  return new ThroughlineError('DATA_DIR_IN_USE', `${dataDir} is in use by process ${pid ?? '?'}${where}`, {
    cause,
    details: { dataDir, pid, host, http },
  });
}

/** The address of the server that holds the folder, if it answers to one. */
function addressOf(dataDir: string, pid: number | undefined): string | undefined {
  try {
    const server = readServerFile(dataDir);
    return server.pid === pid ? server.http : undefined;
  } catch (error) {
    if (ThroughlineError.is(error, 'SERVER_NOT_RUNNING')) return undefined;
    throw error;
  }
}
