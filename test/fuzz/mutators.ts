// Makes bad frames of good ones: bits turned around, ends cut off, sizes and counts that lie, two frames in one, versions and APIs that
// are not what the body is. All of it comes from `random`, so that a frame can be made again.
import { integerBetween, type Random } from '@throughline/event';

export interface Mutant {
  readonly name: string;
  readonly bytes: Uint8Array;
}

type Mutator = (frame: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const sizeBytes = 4;
/** Numbers that bounds are about. */
const edges: readonly number[] = [
  -1,
  0,
  1,
  0x7f,
  0x80,
  0xff,
  0x7fff,
  0x8000,
  0xffff,
  0x7fffffff,
  -0x80000000,
  -2,
  1 << 20,
];

const mutators: Readonly<Record<string, Mutator>> = {
  'bits turned around': (frame, random) => {
    const bytes = frame.slice();
    for (let count = integerBetween(random, 1, 8); count > 0; count--) {
      const at = integerBetween(random, sizeBytes, bytes.length - 1);
      bytes[at]! ^= 1 << integerBetween(random, 0, 7);
    }
    return bytes;
  },
  'cut off, and honest about it': (frame, random) =>
    sized(frame.slice(0, integerBetween(random, sizeBytes, frame.length - 1))),
  'cut off in silence': (frame, random) => frame.slice(0, integerBetween(random, 0, frame.length - 1)),
  'a size that lies': (frame, random) => {
    const bytes = frame.slice();
    const near = frame.length - sizeBytes + integerBetween(random, -16, 16);
    viewOf(bytes).setInt32(0, random.float() < 0.5 ? near : edge(random));
    return bytes;
  },
  'a number at its bounds': (frame, random) => {
    const bytes = frame.slice();
    const wide = random.float() < 0.5;
    const at = integerBetween(random, 12, Math.max(12, bytes.length - 4));
    if (at + 4 > bytes.length) return bytes;
    if (wide) viewOf(bytes).setInt32(at, edge(random));
    else viewOf(bytes).setInt16(at, edge(random));
    return bytes;
  },
  'a varint without an end': (frame, random) => {
    const at = integerBetween(random, 12, frame.length);
    const long = new Uint8Array(integerBetween(random, 1, 12)).fill(0xff);
    return sized(joined(frame.subarray(0, at), long, frame.subarray(at)));
  },
  'bytes put in': (frame, random) => {
    const at = integerBetween(random, sizeBytes, frame.length);
    return sized(joined(frame.subarray(0, at), random.bytes(integerBetween(random, 1, 16)), frame.subarray(at)));
  },
  'bytes taken out': (frame, random) => {
    const at = integerBetween(random, sizeBytes, frame.length - 1);
    return sized(joined(frame.subarray(0, at), frame.subarray(at + integerBetween(random, 1, 16))));
  },
  'a part repeated': (frame, random) => {
    const at = integerBetween(random, 12, frame.length);
    const part = frame.subarray(at, at + integerBetween(random, 1, 32));
    const times = integerBetween(random, 1, 20);
    return sized(joined(frame.subarray(0, at), ...Array.from({ length: times }, () => part), frame.subarray(at)));
  },
  'the head of one and the body of another': (frame, random, other) => {
    const at = integerBetween(random, sizeBytes, frame.length);
    return sized(
      joined(
        frame.subarray(0, at),
        other.subarray(Math.min(other.length, integerBetween(random, sizeBytes, other.length))),
      ),
    );
  },
  'another version': (frame, random) => {
    const bytes = frame.slice();
    viewOf(bytes).setInt16(6, random.float() < 0.8 ? integerBetween(random, -1, 20) : edge(random));
    return bytes;
  },
  'another API': (frame, random) => {
    const bytes = frame.slice();
    viewOf(bytes).setInt16(4, random.float() < 0.8 ? integerBetween(random, -1, 93) : edge(random));
    return bytes;
  },
  'two frames, the second one cut off': (frame, random, other) =>
    joined(frame, other.subarray(0, integerBetween(random, 0, other.length - 1))),
};

const names = Object.keys(mutators);

/** Changes `frame` in one way, sometimes in two. */
export function mutate(frame: Uint8Array, random: Random, other: Uint8Array): Mutant {
  let bytes = frame;
  const applied: string[] = [];
  do {
    // What a mutator left too short for the next one is sent as it is.
    if (bytes.length < 16) break;
    const name = names[integerBetween(random, 0, names.length - 1)]!;
    bytes = mutators[name]!(bytes, random, other);
    applied.push(name);
  } while (random.float() < 0.2);
  return { name: applied.join(', '), bytes };
}

function edge(random: Random): number {
  return edges[integerBetween(random, 0, edges.length - 1)]!;
}

/** With a size that fits. */
function sized(bytes: Uint8Array): Uint8Array {
  viewOf(bytes).setInt32(0, bytes.length - sizeBytes);
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
