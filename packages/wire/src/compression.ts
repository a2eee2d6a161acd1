// Codecs of a record batch by the id in bits 0-2 of its attributes (kafka.apache.org/documentation/#recordbatch). Only
// the records are compressed, the 61 bytes of the head never. The broker passes batches through as they come; codecs are
// needed where somebody looks at records.
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ThroughlineError } from '@throughline/event';
import { unpackLz4 } from './lz4.ts';
import { unpackSnappy } from './snappy.ts';

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

const codecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const codecMask = 0x07;

/** The codec that `attributes` of a batch name, or undefined for an id that Kafka has not given out. */
export function codecOf(attributes: number): Codec | undefined {
  return codecs[attributes & codecMask];
}

/** The bits that name `codec` in the attributes of a batch. */
export function codecId(codec: Codec): number {
  return codecs.indexOf(codec);
}

/** @throws ThroughlineError NOT_BUILT_YET for snappy and lz4, which are only read */
export function compress(codec: Codec, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipSync(bytes);
    case 'zstd':
      return zstdCompressSync(bytes);
    default:
      throw new ThroughlineError('NOT_BUILT_YET', `record batches are not packed with ${codec}, only unpacked`);
  }
}

/**
 * Unpacks the records of a batch.
 *
 * @param bytesMax the most that may come out: a few bytes can claim to be gigabytes
 * @throws ThroughlineError INVALID_RECORD when the bytes are none of that codec, or unpack to more than `bytesMax`
 */
export function decompress(codec: Codec, bytes: Uint8Array, bytesMax: number): Uint8Array {
  try {
    switch (codec) {
      case 'none':
        return bytes;
      case 'gzip':
        return gunzipSync(bytes, { maxOutputLength: bytesMax });
      case 'zstd':
        return zstdDecompressSync(bytes, { maxOutputLength: bytesMax });
      case 'lz4':
        return unpackLz4(bytes, bytesMax);
      default:
        return unpackSnappy(bytes, bytesMax);
    }
  } catch (cause) {
    if (ThroughlineError.is(cause)) throw cause;
    const message = `the records are no ${codec} data of at most ${bytesMax} bytes`;
    throw new ThroughlineError('INVALID_RECORD', message, { cause });
  }
}
