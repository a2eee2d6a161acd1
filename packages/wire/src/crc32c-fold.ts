// The inner loop of folding (crc32c.ts) in WebAssembly, because it takes sixteen bytes in one step with v128 instructions
// and JavaScript has none. The module is small enough to be written down instruction by instruction
// (webassembly.github.io/spec/core/binary):
//
//   (module
//     (memory (export "memory") 1)
//     (func (export "clear") (param $at i32) (param $end i32)
//       (loop
//         (v128.store offset=836 (local.get $at)
//           (v128.xor (… (v128.load offset=836 (local.get $at)) …)     ;; and the five words before it
//                     (v128.load offset=0 (local.get $at))))
//         (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))))
//
// Offsets of a load are unsigned, hence $at stands at the farthest word that is read and 836 bytes on is the one written.

/** Where a cleared word is added, in words after it; the last is the degree of the multiple. */
export const foldDistances: readonly number[] = [65, 155, 170, 195, 209];
/** Degree of the multiple, in 32-bit words. */
export const foldDegree = 209;

const localGetAt = [0x20, 0x00];
const v128Load = (offsetBytes: number): number[] => [...localGetAt, 0xfd, 0x00, 0, ...unsignedVarint(offsetBytes)];
const v128Store = (offsetBytes: number): number[] => [0xfd, 0x0b, 0, ...unsignedVarint(offsetBytes)];
const v128Xor = [0xfd, 0x51];

const body = [
  [0x00], // no locals but the parameters
  [0x03, 0x40], // loop
  localGetAt,
  v128Load(foldDegree * 4),
  ...foldDistances.flatMap((distance) => [v128Load((foldDegree - distance) * 4), v128Xor]),
  v128Store(foldDegree * 4),
  [...localGetAt, 0x41, 16, 0x6a, 0x22, 0x00], // at = at + 16
  [0x20, 0x01, 0x49, 0x0d, 0x00], // once more while at < end
  [0x0b, 0x0b], // end of the loop and of the function
].flat();
const moduleBytes = [
  [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic and version
  section(1, [1, 0x60, 2, 0x7f, 0x7f, 0]), // types: (i32, i32) to nothing
  section(3, [1, 0]), // functions: one, of type 0
  section(5, [1, 0x00, 1]), // memories: one, of one page of 64 KiB
  section(7, [2, ...named('memory'), 0x02, 0, ...named('clear'), 0x00, 0]), // exports
  section(10, [1, ...unsignedVarint(body.length), ...body]), // code
].flat();
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(moduleBytes)));

/** The memory that `clearWords` works in: 64 KiB, used by one caller at a time. */
export const foldMemory: ArrayBuffer = (exports['memory'] as WebAssembly.Memory).buffer;

/**
 * Adds to each word those at the five distances before it. `at` and `end` are byte positions, a multiple of 16 apart: the
 * first word to be changed stands `foldDegree` words after `at`, the last one that far before `end` + 16.
 */
export const clearWords = exports['clear'] as (at: number, end: number) => void;

function unsignedVarint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsignedVarint(value >>> 7)];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsignedVarint(content.length), ...content];
}

function named(name: string): number[] {
  return [name.length, ...Buffer.from(name)];
}
