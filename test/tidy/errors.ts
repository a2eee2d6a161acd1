// The error table is closed both ways: what is used is in the table (the types see to that), what is in the table is used.
import { errorTable } from '@throughline/event';
import { filesOf, read, sourcesOf } from './files.ts';
import { kafkaErrorNames } from './kafka-errors.ts';
import { scanSource } from './scan-source.ts';

/** Codes that nothing throws and docs/reference/limits.md does not reserve. */
export function unusedCodes(): string[] {
  const used = new Set<string>();
  for (const file of sourcesOf('{packages,scripts}/**/*.{ts,tsx}')) {
    if (file.endsWith('/error-table.ts')) continue;
    for (const text of scanSource(read(file)).strings) if (text in errorTable) used.add(text);
  }
  const reserved = reservedCodes();
  return Object.keys(errorTable).filter((code) => !used.has(code) && !reserved.has(code));
}

/** Codes that are reserved although something uses them, or that are in no table. */
export function wronglyReservedCodes(): string[] {
  return [...reservedCodes()].filter((code) => !(code in errorTable));
}

function reservedCodes(): Set<string> {
  const [, section = ''] = read('docs/reference/limits.md').split('## Reserved error codes');
  return new Set(Array.from(section.matchAll(/^\| ([A-Z_]+) \|/gm), (match) => match[1] ?? ''));
}

/** Words in documents that look like a code of ours and are none, nor an error of Kafka. */
export function unknownCodes(): string[] {
  const known = new Set([...Object.keys(errorTable), ...kafkaErrorNames()]);
  const prefixes = new Set(Object.keys(errorTable).map((code) => code.split('_', 1)[0]));
  return filesOf('docs/**/*.md', '*.md').flatMap((file) =>
    Array.from(read(file).matchAll(/(?<![\w/])[A-Z]+(?:_[A-Z]+)+(?!\w)/g), ([code]) => code)
      .filter((code) => prefixes.has(code.split('_', 1)[0]) && !known.has(code))
      .map((code) => `${file}: ${code} is in no table of errors`),
  );
}
