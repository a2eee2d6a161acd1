// The rooms inside of a package: like floors, they import downward only; and no file leads back to itself by any chain of
// imports, those of types included.
import path from 'node:path';
import { filesOf, read, sourcesOf } from './files.ts';
import { importsOf, scanSource } from './scan-source.ts';

interface Room {
  /** Folder or file below the package's src; '' is what no other room holds. */
  readonly name: string;
  /** What it may import of the floors below; all of it where absent. */
  readonly imports?: Readonly<Record<string, readonly string[]>>;
}

const named = (...names: readonly string[]): readonly Room[] => names.map((name) => ({ name }));

/** For each package with rooms: the rooms, lowest first. A room imports itself and what is below it. */
const rooms: Readonly<Record<string, readonly Room[]>> = {
  broker: named(
    'defaults.ts',
    // What every room may use: names, the settings of a topic, waiting, our codes as Kafka's.
    'ground',
    // The disk as an interface, the machine's and the one in memory; small files and the formats of records on it.
    'disk',
    // What is known of idempotent producers: partitions ask it.
    'producers',
    // One partition: its segments, its writing side, the journal, what is found of it at a start.
    'storage',
    // Topics, settings and producer ids as records of the metadata log.
    'metadata',
    // The embedded broker: topics in one data folder, and which virtual node leads which partition.
    'topics',
    'groups',
    'fetch',
    // The handlers of the Kafka protocol, a file for each, and what they work with.
    'apis',
    // Connections, and what lies between them and the handlers.
    'network',
    // What a user opens: a broker, a server, groups within the process; and the face of the package.
    '',
  ),
  log: named(
    'defaults.ts',
    // The Log port, and what both adapters share of it.
    'port',
    // A member of a consumer group: the same on both adapters.
    'group',
    'kafka',
    'embedded',
    // Views on a log, and the face of the package.
    '',
  ),
  fold: named('defaults.ts', 'consumer', 'store.ts', 'stores', ''),
  functions: [
    { name: 'defaults.ts' },
    {
      name: 'invoker',
      // It calls a function for anybody: it knows no event, no conversation and no log.
      imports: {
        '@throughline/event':
          'Clock Timer Logger Random ErrorCode ThroughlineError isUlid guardedClock listening unattended'.split(' '),
      },
    },
    // Folders of the machine and what changes in them; nothing of functions.
    { name: 'watch' },
    // What AWS's API has set, on topics that every process folds.
    { name: 'settings' },
    // What calls functions by itself: topics, queues, folders, clocks.
    { name: 'triggers' },
    // AWS's API and function URLs: callers of an invoker that know HTTP, and no log.
    {
      name: 'lambda',
      imports: {
        '@throughline/event':
          'Clock Logger Random ThroughlineError OutputOf Schema array boolean number object optional parse string unknown'.split(
            ' ',
          ),
        hono: ['Hono', 'Context'],
        '@smithy/eventstream-codec': ['EventStreamCodec'],
      },
    },
    // What waits for a function on a topic, with retries.
    { name: 'async' },
    { name: 'runs' },
    // Which runs are started here, where several supervisors share a log.
    { name: 'sharing' },
    { name: '' },
  ],
  gateway: [
    { name: 'defaults.ts' },
    {
      name: 'http',
      // It knows no log, no event of a log and no conversation.
      imports: {
        '@throughline/event':
          'Clock Timer Logger ErrorCode ThroughlineError Schema object parse parseExact parseMilliseconds isTooDeep jsonDepthMax utf8 listening unattended'.split(
            ' ',
          ),
        '@hono/node-server': ['getRequestListener'],
      },
    },
    // Files of two folders: the page and the documents.
    { name: 'files' },
    // Topics and records of any log, with or without a server; no conversation.
    { name: 'topics' },
    // The chunks of one reply: pure.
    { name: 'reply' },
    // Where on the log a conversation's records are.
    { name: 'stream-index' },
    // The tail, and the conversations in memory that it keeps up to date.
    { name: 'live' },
    // What all endpoints share.
    { name: 'context' },
    { name: 'chat' },
    { name: 'conversations' },
    { name: 'admin' },
    // The routes, what opens a gateway, and the face of the package.
    { name: '' },
  ],
  models: named('defaults.ts', 'pace.ts', 'error-text.ts', 'docs', 'openai-compatible', ''),
  state: named('', 'react'),
  console: named('defaults.ts', 'ui', 'api.ts', 'bar.tsx', 'break-it', 'chat', 'conversations', 'tables', ''),
  throughline: named(
    'defaults.ts',
    'settings.ts',
    // What may stand in a configuration.
    'config-schema.ts',
    // A SAM template as a configuration.
    'sam',
    // The configuration, and what every process of the house needs.
    '',
    // What people read on a terminal.
    'terminal',
    // The server that holds everything.
    'dev',
    'migrate',
    // The verbs of the command line.
    'cli',
  ),
};

/** Every import between or within rooms that breaks a rule, as a sentence. */
export function roomProblems(): string[] {
  const floors = filesOf('packages/*/package.json').map((file) => file.split('/')[1] ?? '');
  return floors.flatMap((floor) => {
    const src = `packages/${floor}/src`;
    const order = rooms[floor] ?? named('');
    const missing = order.filter(({ name }) => name !== '' && filesOf(`${src}/${name}`).length === 0);
    const problems = missing.map(({ name }) => `${src}/${name} is not there; correct test/tidy/rooms.ts`);
    for (const file of sourcesOf(`${src}/**/*.{ts,tsx}`)) problems.push(...problemsOf(file, src, order));
    return [...problems, ...circlesOf(sourcesOf(`${src}/**/*.{ts,tsx}`))];
  });
}

function problemsOf(file: string, src: string, order: readonly Room[]): string[] {
  const levelOf = (target: string): number => {
    const inside = target.slice(src.length + 1);
    const own = order.findIndex(({ name }) => inside === name || inside.startsWith(`${name}/`));
    return own >= 0 ? own : order.findIndex(({ name }) => name === '');
  };
  const level = levelOf(file);
  const problems = localImports(file).flatMap((target) =>
    levelOf(target) > level ? [`${file} imports ${target}, which is above it`] : [],
  );
  const allowed = order[level]?.imports;
  if (allowed === undefined) return problems;
  const { code } = scanSource(read(file));
  for (const name of importsOf(code)) {
    if (name.startsWith('.') || name.startsWith('node:')) continue;
    const names = allowed[name];
    if (names === undefined) problems.push(`${file} must not import ${name}`);
    for (const used of names === undefined ? [] : namesImported(code, name)) {
      if (!names?.includes(used)) problems.push(`${file} must not import ${used} of ${name}`);
    }
  }
  return problems;
}

/** Files of the package that `file` imports. */
function localImports(file: string): string[] {
  const names = importsOf(scanSource(read(file)).code).filter((name) => name.startsWith('.'));
  return names.map((name) => path.posix.join(path.posix.dirname(file), name));
}

function namesImported(code: string, module: string): string[] {
  const found: string[] = [];
  for (const [, what = '', from] of code.matchAll(/\b(?:import|export)\b([^'";]*?)\bfrom\s*['"]([^'"]+)['"]/g)) {
    if (from !== module) continue;
    const list = /\{([^}]*)\}/.exec(what)?.[1];
    if (list === undefined) found.push('*');
    for (const item of list?.split(',') ?? []) {
      const name = item
        .trim()
        .replace(/^type\s+/, '')
        .split(/\s+as\s+/)[0];
      if (name !== undefined && name !== '') found.push(name);
    }
  }
  return found;
}

/** One sentence for each circle that is found, with the whole chain. */
function circlesOf(files: readonly string[]): string[] {
  const problems: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, chain: readonly string[]): void => {
    const from = chain.indexOf(file);
    if (from >= 0) problems.push(`a circle: ${[...chain.slice(from), file].join(' → ')}`);
    if (from >= 0 || done.has(file)) return;
    for (const target of localImports(file)) if (files.includes(target)) walk(target, [...chain, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  return problems;
}
