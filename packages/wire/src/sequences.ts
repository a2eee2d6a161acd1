// Sequence numbers of idempotent producers (KIP-98): one per record, counted per partition, from 0 to 2^31-1 and then from
// 0 again.

const sequenceMax = 0x7fffffff;

/** The sequence `delta` records after `sequence`: of a batch's base sequence and its lastOffsetDelta, that of its last. */
export function sequenceAfter(sequence: number, delta: number): number {
  const after = sequence + delta;
  return after > sequenceMax ? after - sequenceMax - 1 : after;
}

/** The sequence that is due after `last`; -1 stands for none yet. */
export function nextSequence(last: number): number {
  return sequenceAfter(last, 1);
}
