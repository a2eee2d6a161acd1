// How much memory a process holds, from Linux's /proc; undefined where there is none (macOS, Windows).
import { readFileSync } from 'node:fs';

/** Resident set of process `pid` in bytes. */
export function residentBytes(pid: number): number | undefined {
  try {
    return residentBytesIn(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    // The process has gone, or the platform has no /proc: there is nothing to tell.
    return undefined;
  }
}

/** The same from the text of `/proc/<pid>/status`, which counts in kB. `statm` counts in pages, and 64-bit ARM has several sizes. */
export function residentBytesIn(status: string): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
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

/** The variables that process `pid` was started with, as `NAME=value`. */
export function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    // As above.
    return [];
  }
}
