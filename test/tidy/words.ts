// The words that are not used (docs/reference/glossary.md, "Words that are not used"): looked for in identifiers and in
// documents, whatever their case and however they are joined (`retryAttempt`, `retry_attempt`, "retry attempt").
import { filesOf, read } from './files.ts';
import { scanSource } from './scan-source.ts';

const glossary = 'docs/reference/glossary.md';

/** Not used → used instead. */
export function unusedWords(): Map<string, string> {
  const [, table = ''] = read(glossary).split('## Words that are not used');
  const rows = table.matchAll(/^\| ([a-z ]+) \| ([a-z ]+) \|$/gm);
  return new Map(Array.from(rows, (row) => [row[1] ?? '', row[2] ?? ''] as const).filter(([word]) => word !== 'not'));
}

export function wordProblems(): string[] {
  const words = [...unusedWords()].map(([word, instead]) => ({
    word,
    instead,
    pattern: new RegExp(`(?<![a-z])${word.replaceAll(' ', '[ _-]?')}s?(?![a-z])`),
  }));
  const problems: string[] = [];
  const look = (file: string, text: string): void => {
    for (const { word, instead, pattern } of words) {
      if (pattern.test(text)) problems.push(`${file}: "${word}" is not used here; say "${instead}"`);
    }
  };
  for (const file of filesOf('{packages,examples,scripts}/**/*.{ts,tsx}'))
    look(file, separated(withoutForeignNames(scanSource(read(file)).bare)));
  for (const file of filesOf('docs/**/*.md', '*.md'))
    if (file !== glossary) look(file, withoutForeignNames(read(file)).toLowerCase());
  return problems;
}

/** Names of Kafka's errors and of AWS's settings stay as they are: `OUT_OF_ORDER_SEQUENCE_NUMBER`, `maximumRetryAttempts`. */
function withoutForeignNames(text: string): string {
  return text.replaceAll(
    /\b[A-Z]+(?:_[A-Z]+)+\b|\b[mM]aximumRetryAttempts|\bRetryAttemptsExhausted\b|\bsequenceNumber\b/g,
    '',
  );
}

/** camelCase and PascalCase with spaces between their words, in lower case. */
function separated(code: string): string {
  return code.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
}
