// The floors: who may import whom (docs/decisions, CONTRIBUTING.md). Imports go down only, never to a neighbour.
import { builtinModules } from 'node:module';
import { filesOf, isTestFile, read } from './files.ts';
import { importsOf, scanSource } from './scan-source.ts';

const below = {
  event: [],
  wire: ['event'],
  broker: ['wire', 'event'],
  log: ['broker', 'wire', 'event'],
  fold: ['log', 'event'],
  functions: ['fold', 'log', 'event'],
  pipelines: ['fold', 'log', 'event'],
  gateway: ['fold', 'log', 'event'],
  models: ['fold', 'log', 'event'],
  state: ['event'],
  console: ['state', 'event'],
  throughline: [
    'event',
    'wire',
    'broker',
    'log',
    'fold',
    'functions',
    'pipelines',
    'gateway',
    'models',
    'state',
    'console',
  ],
} as const satisfies Record<string, readonly string[]>;

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (floor: string): Manifest => JSON.parse(read(`packages/${floor}/package.json`)) as Manifest;

/** Every import that breaks a rule, as a sentence. */
export function floorProblems(): string[] {
  const problems: string[] = [];
  for (const manifestFile of filesOf('packages/*/package.json')) {
    const floor = manifestFile.split('/')[1] ?? '';
    if (floor === 'testkit') continue;
    const allowed: readonly string[] | undefined = (below as Record<string, readonly string[]>)[floor];
    if (allowed === undefined) {
      problems.push(`packages/${floor}: no such floor; give it a place in test/tidy/floors.ts`);
      continue;
    }
    for (const dependency of floorsIn(Object.keys(manifestOf(floor).dependencies ?? {}))) {
      if (!allowed.includes(dependency))
        problems.push(`packages/${floor}/package.json: ${floor} must not need ${dependency}`);
    }
    for (const file of filesOf(`packages/${floor}/src/**/*.{ts,tsx}`))
      problems.push(...problemsOf(file, floor, allowed));
  }
  return problems;
}

function problemsOf(file: string, floor: string, allowed: readonly string[]): string[] {
  const isTest = isTestFile(file);
  const { dependencies, peerDependencies, devDependencies } = manifestOf(floor);
  const declared = { ...dependencies, ...peerDependencies, ...(isTest ? { ...devDependencies, ...rootTools() } : {}) };
  return importsOf(scanSource(read(file)).code).flatMap((name) => {
    const problem = problemOf(name, file, { floor, allowed, isTest, declared });
    return problem === undefined ? [] : [`${file}: ${problem}`];
  });
}

interface Rules {
  readonly floor: string;
  readonly allowed: readonly string[];
  readonly isTest: boolean;
  readonly declared: Readonly<Record<string, string>>;
}

function problemOf(name: string, file: string, { floor, allowed, isTest, declared }: Rules): string | undefined {
  if (name.startsWith('.')) {
    if (!/\.(ts|tsx|css|json)$/.test(name)) return `imports ${name} without its extension`;
    // packages/<floor>/src/a.ts may go up once and is still in its package.
    const depth = file.split('/').length - 3;
    const ups = name.match(/\.\.\//g)?.length ?? 0;
    return ups > depth && !isTest ? `imports ${name}, which is outside of its package: name the package` : undefined;
  }
  if (name.startsWith('node:')) {
    return floor === 'event' && !isTest ? `imports ${name}: event runs in a browser` : undefined;
  }
  if (builtinModules.includes(name)) return `imports ${name}: write node:${name}`;
  const packageName = name.split('/', name.startsWith('@') ? 2 : 1).join('/');
  const [other] = floorsIn([packageName]);
  if (other === 'testkit') return isTest ? undefined : 'imports testkit, which is for tests only';
  if (other !== undefined && other !== floor && !allowed.includes(other)) return `${floor} must not import ${other}`;
  if (other !== undefined && name !== packageName && !isExported(name, packageName, other)) {
    return `imports ${name}: only what a package exports may be imported`;
  }
  return packageName in declared || other === floor
    ? undefined
    : `imports ${packageName}, which its package.json does not name`;
}

/** True for a path within a package that its package.json exports, as `@throughline/wire/apis`. */
function isExported(name: string, packageName: string, floor: string): boolean {
  const { exports = {} } = manifestOf(floor);
  return `.${name.slice(packageName.length)}` in exports;
}

function floorsIn(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (name === 'throughline') return [name];
    return name.startsWith('@throughline/') ? [name.slice('@throughline/'.length)] : [];
  });
}

function rootTools(): Readonly<Record<string, string>> {
  return (JSON.parse(read('package.json')) as Manifest).devDependencies ?? {};
}
