// Where a field stands in the head of a record batch, and which bit of its attributes means what, is known to the package wire
// alone: everybody else asks it (packages/wire/src/record-batch-layout.ts).
import { filesOf, isTestFile, read } from './files.ts';
import { importsOf, scanSource } from './scan-source.ts';

/** Places that nothing but a record batch has: below 21 other formats of the house have fields, too. */
const places = '(?:2[1237]|35|43|5[1379]|6[01])';

const signs: readonly { readonly says: string; readonly sign: RegExp }[] = [
  { says: 'bits of attributes', sign: /\battributes\w*\s*&(?!&)|&=?\s*~?0x(?:0[78]|10|20|30)\b/ },
  { says: 'the place of a field', sign: new RegExp(`\\[(?:[\\w.]+ \\+ )?(?:${places}|16)\\]!?(?!\\.)`) },
  {
    says: 'the place of a field',
    sign: new RegExp(`\\b(?:[gs]et|read|write)\\w*Int\\w*\\((?:[\\w.]+ \\+ )?${places}\\b`),
  },
  {
    says: 'the place of a field',
    sign: /\bconst (?:magic|attributes|producer|baseSequence|record|batchLength)\w*(?:At|Byte) = \d/,
  },
  { says: 'the size of the head', sign: /\+ 61\b|\bReader\(\w+, 61\)/ },
];
/** What wire exports for tests that damage a batch. */
const namesForTests = /\b(?:batchFieldsAt|attributeBits)\b/;

/** Every place outside of wire that knows how a record batch is laid out, as a sentence. */
export function batchLayoutProblems(): string[] {
  return filesOf('{packages,test,bench,scripts}/**/*.{ts,tsx}').flatMap((file) => {
    if (file.startsWith('packages/wire/')) return [];
    const { code, bare } = scanSource(read(file));
    if (!importsOf(code).includes('@throughline/wire')) return [];
    const problems = signs.flatMap(({ says, sign }) => {
      const found = sign.exec(bare);
      return found === null ? [] : [`${file}: ${found[0]} (${says})`];
    });
    const isForTests = isTestFile(file) || /^(test|packages\/testkit)\//.test(file);
    if (!isForTests && namesForTests.test(bare)) problems.push(`${file}: ${namesForTests.exec(bare)![0]} is for tests`);
    return problems;
  });
}
