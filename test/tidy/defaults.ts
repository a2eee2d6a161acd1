// Defaults stand in a package's src/defaults.ts, each with its unit and the reason for its value; nowhere else does a
// number with a unit have a default.
import { filesOf, isGenerated, read, sourcesOf } from './files.ts';
import { scanSource } from './scan-source.ts';

const unitName =
  /(Ms|Seconds|Bytes|Mb|MiB|KiB|Px|Chars|Characters|Length|Count|Max|Min|Limit|Share|Ratio|Port|Records|Rows|Partitions|Tries|Step|Per[A-Z]\w*|Default)$/;
const unitInComment =
  /\b(ms|milliseconds?|seconds?|bytes?|mib|kib|mb|characters?|count|records?|rows?|share|port|tries|times)\b/i;

/** Numbers in a defaults.ts without a unit or without a comment. */
export function undocumentedDefaults(): string[] {
  const problems: string[] = [];
  for (const file of filesOf('packages/*/src/defaults.ts')) {
    const lines = read(file).split('\n');
    for (const [index, line] of lines.entries()) {
      const match = /^\s*(?:export const )?([A-Za-z]\w*)(?::\s*number)?\s*[:=]\s*-?\d/.exec(line);
      const name = match?.[1];
      if (name === undefined) continue;
      const isUnitConstant = /^const (KiB|MiB|GiB) /.test(line);
      if (isUnitConstant) continue;
      const comment = commentAbove(lines, index);
      if (comment === '') problems.push(`${file}:${index + 1}: ${name} has no comment that says why`);
      if (!unitName.test(name) && !unitInComment.test(comment))
        problems.push(`${file}:${index + 1}: ${name} has no unit`);
    }
  }
  return problems;
}

function commentAbove(lines: readonly string[], index: number): string {
  let at = index - 1;
  // Consecutive values may share the comment above the first.
  while (/^\s*(?:export const )?[A-Za-z]\w*(?::\s*number)?\s*[:=]\s*-?\d.*$/.test(lines[at] ?? '')) at--;
  const comment: string[] = [];
  while (/^\s*(\/\/|\/?\*)/.test(lines[at] ?? '')) comment.unshift(lines[at--] ?? '');
  return comment
    .join(' ')
    .replaceAll(/[/*\s]+/g, ' ')
    .trim();
}

/** Numbers with a unit that are defaulted outside of a defaults.ts. */
export function strayDefaults(): string[] {
  const unit = String.raw`\w*(?:Ms|Seconds|Bytes|Mb|Count|Length|Max|Min|Limit|Port)`;
  const fallback = new RegExp(String.raw`\b${unit}\b\)?\s*\?\?\s*(\d[\d_.]*)`, 'g');
  const parameter = new RegExp(String.raw`[({,]\s*(?:readonly\s+)?${unit}(?::\s*number)?\s*=\s*(\d[\d_.]*)`, 'g');
  const problems: string[] = [];
  for (const file of sourcesOf('packages/*/src/**/*.{ts,tsx}')) {
    if (isGenerated(file) || file.endsWith('/defaults.ts') || file.startsWith('packages/testkit/')) continue;
    const { bare } = scanSource(read(file));
    for (const pattern of [fallback, parameter]) {
      for (const match of bare.matchAll(pattern)) {
        // 0 and 1 are where counting starts, not a choice.
        if (match[1] === '0' || match[1] === '1') continue;
        const line = bare.slice(0, match.index).split('\n').length;
        problems.push(`${file}:${line}: ${match[0].replaceAll(/\s+/g, ' ').trim()}: put it into defaults.ts`);
      }
    }
  }
  return problems;
}
