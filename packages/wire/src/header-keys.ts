// Names of record headers, as text and as bytes. A topic's records carry the same few names (`tl-type`, `tl-id`, …) over
// and over; making a string of the same bytes millions of times would cost more than all the rest of decoding.
import { fromUtf8, utf8 } from '@throughline/event';

// Enough for every name in use; a producer that makes names up costs one slot each, never memory.
const slotCount = 512;
const lengthMax = 64;

interface Name {
  readonly bytes: Uint8Array;
  readonly text: string;
}
const slots: (Name | undefined)[] = Array.from({ length: slotCount });
const bytesByText = new Map<string, Uint8Array>();

/** The text of the name at `start`. */
export function headerKeyText(buffer: Uint8Array, start: number, length: number): string {
  if (length === 0) return '';
  if (length > lengthMax) return fromUtf8(buffer.subarray(start, start + length));
  const slot = (length * 31 + buffer[start]! * 7 + buffer[start + length - 1]! * 17) % slotCount;
  const known = slots[slot];
  if (known !== undefined && known.bytes.length === length && isEqual(known.bytes, buffer, start)) return known.text;
  const bytes = buffer.slice(start, start + length);
  const text = fromUtf8(bytes);
  slots[slot] = { bytes, text };
  return text;
}

/** The bytes of a name. */
export function headerKeyBytes(text: string): Uint8Array {
  const known = bytesByText.get(text);
  if (known !== undefined) return known;
  const bytes = utf8(text);
  if (bytesByText.size >= slotCount) bytesByText.clear();
  if (bytes.length <= lengthMax) bytesByText.set(text, bytes);
  return bytes;
}

function isEqual(bytes: Uint8Array, buffer: Uint8Array, start: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buffer[start + i]) return false;
  return true;
}
