// Which partition a key goes to: murmur2 of the key's bytes, made positive, modulo the partition count, as Kafka's own
// Java producer does (org.apache.kafka.common.utils.Utils.murmur2), so that a foreign producer and ours agree.

/** Kafka's murmur2 of `data` as a signed 32-bit integer. */
export function murmur2(data: Uint8Array): number {
  const multiplier = 0x5bd1e995;
  let hash = 0x9747b28c ^ data.length;
  const wordBytes = data.length & ~3;
  for (let i = 0; i < wordBytes; i += 4) {
    let word = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> 24;
    word = Math.imul(word, multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const rest = data.length - wordBytes;
  if (rest >= 3) hash ^= data[wordBytes + 2]! << 16;
  if (rest >= 2) hash ^= data[wordBytes + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ data[wordBytes]!, multiplier);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return (hash ^ (hash >>> 15)) | 0;
}

/** The partition of `key` among `partitionCount`. A record without a key goes to partition 0. */
export function partitionFor(key: Uint8Array | null, partitionCount: number): number {
  return key === null || partitionCount === 1 ? 0 : (murmur2(key) & 0x7fffffff) % partitionCount;
}
