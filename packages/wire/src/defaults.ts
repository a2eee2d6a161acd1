// Defaults of the wire floor, each with its unit and reason.

/**
 * Bytes that the records of one compressed batch may unpack to. Batches are at most a few MiB and text packs about ten to
 * one; beyond this it is an attack or damage.
 */
export const decompressedBytesMax: number = 128 * 1024 * 1024;

/** Bytes that a writer begins with when nobody tells it better: most answers of the protocol fit. */
export const writerCapacityBytes: number = 256;

/** Bytes of a string at most, in every version of every API: what the plain form has room for; Kafka holds the compact one to it, too. */
export const stringBytesMax: number = 0x7fff;
