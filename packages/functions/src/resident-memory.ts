// How much memory a process holds, from Linux's /proc; undefined where there is none (macOS, Windows).
import { readFileSync } from 'node:fs';

const pageBytes = 4096;

/** Resident set of process `pid` in bytes. */
export function residentBytes(pid: number): number | undefined {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
    return Number.isFinite(pages) ? pages * pageBytes : undefined;
  } catch {
    // The process has gone, or the platform has no /proc: there is nothing to tell.
    return undefined;
  }
}

/** The command line of process `pid`, or undefined when there is no such process. */
export function commandLine(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    // As above.
    return undefined;
  }
}
