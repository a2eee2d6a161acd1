// The names of a segment's files: its first offset in 20 digits, and .log, .index or .timeindex.

/** A file on its way out carries it: the next start clears it away. */
export const deletedSuffix = '.deleted';

/** The name that a segment's files share. */
export function segmentName(baseOffset: bigint): string {
  return baseOffset.toString().padStart(20, '0');
}

/** The first offset of the segment whose .log file has this name; undefined for other files. */
export function segmentOfFile(fileName: string): bigint | undefined {
  return /^\d{20}\.log$/.test(fileName) ? BigInt(fileName.slice(0, 20)) : undefined;
}
