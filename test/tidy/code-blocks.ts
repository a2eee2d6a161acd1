// Runs the code blocks of the documents. `ts` blocks are written into one folder of the repository (so that they resolve
// packages as an application does), type-checked together and run one by one; `bash run` blocks are run at the root.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeBlocksOf, documents, type CodeBlock } from './markdown.ts';
import { root } from './files.ts';

/** Left as it is when it is only shown; everything else is run. */
const shown = new Set(['text', 'json']);
const runWithinMs = 30_000;
const folder = path.join(root, '.cache', 'snippets');

export interface RunnableBlock extends CodeBlock {
  readonly name: string;
}

export function blocksWithUnknownMark(): CodeBlock[] {
  return allBlocks().filter(({ info }) => !shown.has(info) && info !== 'ts' && info !== 'bash run');
}

export function malformedJsonBlocks(): CodeBlock[] {
  return allBlocks().filter(({ info, text }) => {
    if (info !== 'json') return false;
    try {
      JSON.parse(text);
      return false;
    } catch {
      return true;
    }
  });
}

export function tsBlocks(): RunnableBlock[] {
  return allBlocks()
    .filter(({ info }) => info === 'ts')
    .map((block) => ({ ...block, name: `${block.file.replaceAll(/[^a-zA-Z0-9]+/g, '-')}-${block.line}.ts` }));
}

export function bashBlocks(): CodeBlock[] {
  return allBlocks().filter(({ info }) => info === 'bash run');
}

function allBlocks(): CodeBlock[] {
  return documents().flatMap(codeBlocksOf);
}

/** Writes the blocks out and gives a function that removes them again. */
export function writeBlocks(blocks: readonly RunnableBlock[]): () => void {
  mkdirSync(folder, { recursive: true });
  for (const { name, text } of blocks)
    writeFileSync(path.join(folder, name), text.includes('export ') ? text : `${text}\nexport {};\n`);
  // A function is loaded by a runtime that gives it `awslambda`; here that is all the runtime does.
  writeFileSync(
    path.join(folder, 'preload.mjs'),
    'globalThis.awslambda = { streamifyResponse: (handler) => handler };\n',
  );
  writeFileSync(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: { rootDir: '../..' }, include: ['*.ts'] }),
  );
  return () => rmSync(folder, { recursive: true, force: true });
}

export function typeCheckBlocks(): string {
  const { stdout, stderr } = tool('tsc', ['-p', path.join(folder, 'tsconfig.json')]);
  const own = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('snippets/'));
  return own.join('\n');
}

/** What went wrong when the block ran, or undefined. */
export function runBlock({ name }: RunnableBlock): Promise<string | undefined> {
  return new Promise((resolve) => {
    const flags = process.execArgv.filter((flag) => /^--(conditions|disable-warning)/.test(flag));
    const argv = [...flags, '--import', path.join(folder, 'preload.mjs'), path.join(folder, name)];
    const child = spawn(process.execPath, argv, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], timeout: runWithinMs });
    let output = '';
    child.stdout.on('data', (bytes) => (output += String(bytes)));
    child.stderr.on('data', (bytes) => (output += String(bytes)));
    child.on('close', (code) => resolve(code === 0 ? undefined : output || `exit code ${code}`));
  });
}

export function runBash({ text }: CodeBlock): string | undefined {
  const bin = path.join(root, 'node_modules', '.bin');
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', text], {
    cwd: root,
    encoding: 'utf8',
    timeout: runWithinMs,
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH']}` },
  });
  return status === 0 ? undefined : `${stdout}${stderr}`;
}

/** A tool of the repository, by its name in node_modules/.bin. */
export function tool(name: string, argv: readonly string[]) {
  const bin = path.join(root, 'node_modules', '.bin');
  return spawnSync(path.join(bin, name), argv, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH']}` },
  });
}
