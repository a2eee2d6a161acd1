// Memory that is about to be filled whole.

/**
 * Memory that holds whatever was there before; zeroing a read buffer costs about as much as the read. A plain Uint8Array,
 * because the `slice` of a Buffer is no copy, which whoever gets it would have to know.
 */
export function uninitialised(byteCount: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(byteCount).buffer);
}

/** An allocator that gives the same memory each time, for whoever keeps no view of what it was given before. */
export function reusedMemory(): (byteCount: number) => Uint8Array {
  let memory: Uint8Array | undefined;
  return (byteCount) => {
    if (memory === undefined || memory.length < byteCount) memory = uninitialised(byteCount);
    return memory.subarray(0, byteCount);
  };
}
