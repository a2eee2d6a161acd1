// An error of Kafka is its name everywhere; its number stands in the bytes of messages, which packages/wire alone writes and
// reads (decision 0101). What is compared with a number the types reject; here is what they would let pass.
import { filesOf, read } from './files.ts';
import { scanSource } from './scan-source.ts';

const table = 'packages/wire/src/kafka-errors.ts';
/** What the table gives to whoever is outside of packages/wire. */
const shared = new Set(['isRetriableKafkaError', 'type KafkaErrorName']);

/** Places outside of packages/wire at which an error of Kafka is, or could become, a number. */
export function errorNumberProblems(): string[] {
  const problems: string[] = [];
  const face = 'packages/wire/src/index.ts';
  const [, exported = ''] = /export \{([^}]*)\} from '\.\/kafka-errors\.ts'/.exec(read(face)) ?? [];
  for (const name of exported.split(',').map((one) => one.trim())) {
    if (name !== '' && !shared.has(name)) problems.push(`${face} exports ${name}`);
  }
  for (const file of filesOf('{packages,scripts,test,bench,examples}/**/*.{ts,tsx}')) {
    if (file.startsWith('packages/wire/')) continue;
    const { code } = scanSource(read(file));
    for (const [found] of code.matchAll(/from '[^']*wire[^']*kafka-errors\.ts'|\b\w*[eE]rrorCode\??: number\b/g)) {
      problems.push(`${file}: ${found}`);
    }
  }
  return problems;
}

/** The names of Kafka's errors. */
export function kafkaErrorNames(): ReadonlySet<string> {
  return new Set(Array.from(read(table).matchAll(/^ {2}([A-Z_]+): \{ code: /gm), ([, name]) => name ?? ''));
}
