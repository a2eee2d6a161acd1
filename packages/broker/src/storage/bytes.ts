// Memory that is about to be filled whole.

/**
 * Memory that holds whatever was there before; zeroing a read buffer costs about as much as the read. A plain Uint8Array,
 * because the `slice` of a Buffer is no copy, which whoever gets it would have to know.
 */
export function uninitialised(byteCount: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(byteCount).buffer);
}
