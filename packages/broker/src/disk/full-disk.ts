// A full disk as the caller is told of it.
import { ThroughlineError } from '@throughline/event';
import { isOutOfDisk } from './disk.ts';

/** Runs `action`; a full disk becomes OUT_OF_DISK. */
export async function codedFullDisk<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw asOutOfDisk(error);
  }
}

export function asOutOfDisk(error: unknown): unknown {
  return isOutOfDisk(error) ? new ThroughlineError('OUT_OF_DISK', 'the disk is full', { cause: error }) : error;
}
