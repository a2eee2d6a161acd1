// The repository checks itself: rules that no tool knows, and the tools. Each rule is a test of its own whose failure says
// where it is broken and what to do. `npm test -- tidy` runs only this.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { test } from 'node:test';
import { errorsPage } from '../scripts/support/errors-page.ts';
import { recoveryPage } from '../scripts/support/recovery-page.ts';
import { kafkaCompatibilityPage } from '../scripts/support/kafka-compatibility-page.ts';
import { kafkaSettingsPage } from '../scripts/support/kafka-settings-page.ts';
import { batchLayoutProblems } from './tidy/batch-layout.ts';
import {
  bashBlocks,
  blocksWithUnknownMark,
  malformedJsonBlocks,
  runBash,
  runBlock,
  tool,
  tsBlocks,
  typeCheckBlocks,
  writeBlocks,
} from './tidy/code-blocks.ts';
import { strayDefaults, undocumentedDefaults } from './tidy/defaults.ts';
import { unknownCodes, unusedCodes, wronglyReservedCodes } from './tidy/errors.ts';
import { filesOf, isGenerated, isTestFile, read, root } from './tidy/files.ts';
import { floorProblems } from './tidy/floors.ts';
import { errorNumberProblems } from './tidy/kafka-errors.ts';
import { citationProblems, documents, linkProblems, type CodeBlock } from './tidy/markdown.ts';
import { roomProblems } from './tidy/rooms.ts';
import { scanSource } from './tidy/scan-source.ts';
import { unusedWords, wordProblems } from './tidy/words.ts';

/**
 * The largest file, in lines. Length is a habit and no law: a whole idea of 500 lines beats two halves that were cut where a
 * number ended. Above it a source holds more than one idea; tests are lists, which may be longer.
 */
const sourceLinesMax = 500;
const testLinesMax = 600;
/** Lists of which each row stands for itself: one idea, however long. */
const tables = new Set([
  'packages/event/src/error-table.ts',
  'packages/broker/src/metadata/topic-config-table.ts',
  'packages/broker/src/metadata/broker-config-table.ts',
]);
/** A pause of a test that is longer than this, in milliseconds, hopes instead of waiting for something. */
const pollMsMax = 50;

function none(problems: readonly string[], remedy: string): void {
  assert.ok(problems.length === 0, `${remedy}\n  ${[...new Set(problems)].join('\n  ')}\n`);
}

const where = ({ file, line, info }: CodeBlock): string => `${file}:${line} (${info === '' ? 'no mark' : info})`;

test('imports go down only, by package name, to what package.json names', () => {
  none(floorProblems(), 'The floors are in CONTRIBUTING.md and test/tidy/floors.ts:');
});

test('rooms inside of a package import downward only, and no imports lead in a circle', () => {
  none(roomProblems(), 'The rooms are in test/tidy/rooms.ts:');
});

test('how a record batch is laid out is known to the package wire alone', () => {
  none(
    batchLayoutProblems(),
    'Ask packages/wire/src/record-batch-header.ts; tests damage a batch with batchWith of testkit:',
  );
});

test('a statement names the columns that it writes', () => {
  const byPlace = /\binsert (?:or \w+ )?into [^\s(]+\s+(?:values|select|from)\b/gi;
  const found = filesOf('packages/*/src/**/*.ts').flatMap((file) =>
    isTestFile(file) ? [] : Array.from(read(file).matchAll(byPlace), ([statement]) => `${file}: ${statement}`),
  );
  none(found, 'Two columns that change places would change their values in silence; list them, or insert by name:');
});

test('one word is used for each thing', () => {
  assert.ok(unusedWords().size > 5, 'docs/reference/glossary.md has lost its table of words that are not used');
  none(wordProblems(), 'docs/reference/glossary.md says which word is meant:');
});

test('every error code is used or reserved, and documents name no code that is in no table', () => {
  none(unusedCodes(), 'Throw it, remove it from the table, or reserve it in docs/reference/limits.md:');
  none(wronglyReservedCodes(), 'docs/reference/limits.md reserves codes that are in no table:');
  none(unknownCodes(), 'Correct the code, or add it to packages/event/src/error-table.ts (Kafka has its own):');
});

test('an error of Kafka is its name, and a number in the bytes of messages only', () => {
  none(errorNumberProblems(), 'Use KafkaErrorName; packages/wire alone writes and reads the number:');
});

test('the page of the error table is up to date', () => {
  const isCurrent = read('docs/reference/errors.md') === errorsPage();
  assert.ok(isCurrent, 'docs/reference/errors.md is stale: node scripts/run.mjs scripts/errors-table.ts');
});

test('the page of the recovery cases is up to date', () => {
  const isCurrent = read('docs/operating/recovery.md') === recoveryPage();
  assert.ok(isCurrent, 'docs/operating/recovery.md is stale: node scripts/run.mjs scripts/recovery-table.ts');
});

test("the page of Kafka's protocol is what the registry and the list of differences say", () => {
  const isCurrent = read('docs/reference/kafka-compatibility.md') === kafkaCompatibilityPage();
  assert.ok(
    isCurrent,
    'docs/reference/kafka-compatibility.md is stale: node scripts/run.mjs scripts/kafka-compatibility.ts',
  );
});

test("the page of settings is what the broker's tables say", () => {
  const isCurrent = read('docs/reference/kafka-settings.md') === kafkaSettingsPage();
  assert.ok(isCurrent, 'docs/reference/kafka-settings.md is stale: node scripts/run.mjs scripts/kafka-settings.ts');
});

test('links in documents lead to a file and a heading that are there', () => {
  assert.ok(documents().length > 20);
  none(linkProblems(), 'Correct the link or add what it leads to:');
});

test('documents and protocol sections that the code cites are there', () => {
  none(citationProblems(), 'Correct the citation or write the document:');
});

test('every code block of a document is run, or marked as text or json', () => {
  none(blocksWithUnknownMark().map(where), 'Mark it ts, bash run, text or json:');
  none(malformedJsonBlocks().map(where), 'These json blocks are no JSON:');
});

test('the TypeScript of the documents is type-correct and runs', async () => {
  const blocks = tsBlocks();
  const remove = writeBlocks(blocks);
  try {
    assert.equal(typeCheckBlocks(), '', 'a block of a document has a type error');
    const failures: string[] = [];
    for (const block of blocks) {
      const problem = await runBlock(block);
      if (problem !== undefined) failures.push(`${where(block)}: ${problem}`);
    }
    none(failures, 'These blocks fail when they are run:');
  } finally {
    remove();
  }
});

test('the commands of the documents run', () => {
  const failures = bashBlocks().flatMap((block) => {
    const problem = runBash(block);
    return problem === undefined ? [] : [`${where(block)}: ${problem}`];
  });
  none(failures, 'These blocks fail when they are run:');
});

test('every default is in a defaults.ts, with its unit and the reason for its value', () => {
  none(undocumentedDefaults(), 'Say in which unit it is and why it has this value:');
  none(strayDefaults(), 'A default outside of defaults.ts:');
});

test('no file is longer than one idea', () => {
  const long = filesOf('{packages,scripts,test,bench,examples}/**/*.{ts,tsx,mjs,cjs}').flatMap((file) => {
    if (isGenerated(file) || tables.has(file)) return [];
    const lines = read(file).split('\n').length - 1;
    const linesMax = isTestFile(file) ? testLinesMax : sourceLinesMax;
    return lines > linesMax ? [`${file}: ${lines} lines of at most ${linesMax}`] : [];
  });
  none(long, 'Cut it into files that each hold one named idea:');
});

test('a source file begins with what it is for', () => {
  const silent = filesOf('packages/*/src/**/*.{ts,tsx}', 'scripts/**/*.ts', 'bench/**/*.ts').filter((file) => {
    return !isTestFile(file) && !file.endsWith('.d.ts') && !/^(#!.*\n)?\s*(\/\/|\/\*)/.test(read(file));
  });
  none(silent, 'Begin it with a comment: what it is for, its format or algorithm, its source:');
});

test('nothing names a place of the machine that it was written on', () => {
  const places = [`${root}/`, homedir().length > 1 ? `${homedir()}/` : root].filter((place) => place.length > 3);
  const files = filesOf(
    '{packages,scripts,test,bench,examples,docs}/**/*.{ts,tsx,mjs,cjs,md,json,css,html}',
    '*.{md,json}',
  );
  const found = files.flatMap((file) =>
    places.filter((place) => read(file).includes(place)).map((place) => `${file}: ${place}`),
  );
  none(found, 'Use a path relative to the repository, or ask the operating system:');
});

test('libraries print nothing, and the command line through one file', () => {
  // The command line prints through one file, which escapes what strangers wrote; a function's process prints what the
  // function prints, as Lambda's runtime does, into a pipe.
  const mayPrint = /^packages\/(throughline\/src\/terminal\/output\.ts$|functions\/src\/invoker\/bootstrap\/)/;
  const printing = filesOf('packages/*/src/**/*.{ts,tsx}').filter((file) => {
    if (isTestFile(file) || mayPrint.test(file)) return false;
    return /\bconsole\.\w+\(|\bprocess\.(stdout|stderr)\b(?!\.(on|isTTY)\b)|\b(stdout|stderr)\b[^=\n]*\} = process\b/.test(
      scanSource(read(file)).bare,
    );
  });
  none(
    printing,
    'Take a Logger (packages/event/src/logger.ts); the command line prints through packages/throughline/src/terminal/output.ts:',
  );
});

test('tests do not sleep', () => {
  const pauses = /\bsleep\(\s*(\d[\d_]*)|\bsetTimeout\(\s*\w+,\s*(\d[\d_]*)|\bdelay\(\s*systemClock,\s*(\d[\d_]*)/g;
  const sleeping = filesOf('{packages,examples,test}/**/*.test.ts').flatMap((file) =>
    Array.from(scanSource(read(file)).code.matchAll(pauses), ([pause, ...figures]) => {
      const pauseMs = Number(figures.find((figure) => figure !== undefined)?.replaceAll('_', ''));
      return pauseMs > pollMsMax ? `${file}: ${pause})` : '';
    }).filter((problem) => problem !== ''),
  );
  none(sleeping, 'Wait for a condition or an event, or use the virtual clock of testkit:');
});

test('the sources are type-correct', () => {
  const { status, stdout } = tool('tsc', ['-p', 'tsconfig.json']);
  assert.equal(status, 0, `npm run typecheck\n${stdout}`);
});

test('the linter has nothing to say', () => {
  const { status, stdout } = tool('oxlint', ['--type-aware']);
  assert.equal(status, 0, `npm run lint\n${stdout}`);
});

test('the sources are formatted', () => {
  const { status, stdout, stderr } = tool('oxfmt', ['--check']);
  assert.equal(status, 0, `npm run format\n${stdout}${stderr}`);
});

test('no file, export or dependency is unused', () => {
  const { status, stdout, stderr } = tool('knip', ['--no-progress', '--treat-config-hints-as-errors']);
  assert.equal(status, 0, `npm run knip\n${stdout}${stderr}`);
});

test('npm ci accepts the lock file, and the lock names no download address', () => {
  assert.doesNotMatch(read('package-lock.json'), /"resolved": "https?:/, 'npm install with .npmrc of this repository');
  // npm runs on the machine's own Node, which need not know the options of ours.
  const env = { ...process.env, NODE_OPTIONS: '' };
  const result = spawnSync('npm', ['ci', '--dry-run', '--no-audit', '--no-fund'], { cwd: root, encoding: 'utf8', env });
  assert.equal(result.status, 0, `npm ci --dry-run\n${result.stdout}${result.stderr}`);
});
