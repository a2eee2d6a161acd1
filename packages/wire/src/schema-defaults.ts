// What a field has that its version lacks, where the schema names no default of its own.

/** No bytes. */
export const noBytes: Uint8Array = new Uint8Array(0);

/** The UUID of zeros: none. */
export const zeroUuid: string = '0'.repeat(32);
