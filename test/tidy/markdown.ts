// Reads the repository's Markdown: headings with their anchors, links, code blocks.
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { plainText } from '../../packages/models/src/docs/markdown-sections.ts';
import { anchorMaker } from '../../packages/models/src/docs/section-builder.ts';
import { filesOf, read, root } from './files.ts';

export interface CodeBlock {
  readonly file: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** What stands behind the fence: `ts`, `bash run`, … */
  readonly info: string;
  readonly text: string;
}

export function documents(): string[] {
  return filesOf('*.md', 'docs/**/*.md', 'examples/**/*.md', 'packages/**/*.md', 'bench/**/*.md');
}

export function codeBlocksOf(file: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { line: number; info: string; lines: string[]; fence: string } | undefined;
  for (const [index, line] of read(file).split('\n').entries()) {
    const fence = /^\s*(`{3,}|~{3,})(.*)$/.exec(line);
    if (open === undefined) {
      if (fence !== null) open = { line: index + 1, info: (fence[2] ?? '').trim(), lines: [], fence: fence[1] ?? '' };
    } else if (fence?.[1]?.startsWith(open.fence) === true && fence[2]?.trim() === '') {
      blocks.push({ file, line: open.line, info: open.info, text: open.lines.join('\n') });
      open = undefined;
    } else open.lines.push(line.replace(/^ {1,3}/, (indent) => (open?.info === 'ts' ? indent : indent)));
  }
  return blocks;
}

function withoutCode(file: string): string {
  return read(file).replaceAll(/^ {0,3}(`{3,})[\s\S]*?^ {0,3}\1/gm, '');
}

function anchorsOf(file: string): Set<string> {
  const anchor = anchorMaker();
  return new Set(
    Array.from(withoutCode(file).matchAll(/^#{1,6} +(.+?) *#*$/gm), (match) => anchor(plainText(match[1] ?? ''))),
  );
}

/** Links to files that are not there, and to headings that a document does not have. */
export function linkProblems(): string[] {
  const problems: string[] = [];
  for (const file of documents()) {
    const text = withoutCode(file).replaceAll(/`[^`\n]*`/g, '');
    for (const match of text.matchAll(/!?\[[^\]]*\]\(([^)\s]+)\)/g)) {
      const problem = linkProblem(file, match[1] ?? '');
      if (problem !== undefined) problems.push(`${file}: ${problem}`);
    }
  }
  return problems;
}

function linkProblem(from: string, link: string): string | undefined {
  if (/^(https?|mailto):/.test(link)) return undefined;
  const [name = '', anchor] = link.split('#', 2);
  const target = name === '' ? from : path.posix.join(path.posix.dirname(from), name);
  if (target.startsWith('..') || name.startsWith('/')) return `${link} leads out of the repository`;
  if (!existsSync(path.join(root, target))) return `${link} leads nowhere: there is no ${target}`;
  if (anchor === undefined) return undefined;
  if (!target.endsWith('.md') || statSync(path.join(root, target)).isDirectory())
    return `${link}: ${target} has no headings`;
  return anchorsOf(target).has(anchor) ? undefined : `${link}: ${target} has no heading with that anchor`;
}

/** Documents and protocol sections that comments of the code name and that are not there. */
export function citationProblems(): string[] {
  const problems: string[] = [];
  const sections = new Set(
    Array.from(read('docs/PROTOCOL.md').matchAll(/^#{2,3} (\d+(?:\.\d+)?)/gm), (match) => match[1] ?? ''),
  );
  for (const file of filesOf('{packages,scripts,test,bench,examples}/**/*.{ts,tsx,mjs}')) {
    if (file.startsWith('test/tidy/')) continue;
    const text = read(file);
    for (const [name] of text.matchAll(
      /\bdocs\/(?:start|concepts|guides|reference|operating|internals|decisions)\/[\w/-]+\.md\b/g,
    )) {
      // In tests of the docs model and the page such names are made up.
      if (!/\.test\.tsx?$/.test(file) && !existsSync(path.join(root, name)))
        problems.push(`${file}: there is no ${name}`);
    }
    for (const match of text.matchAll(/PROTOCOL\.md((?:,? (?:and )?§\d+(?:\.\d+)?)+)/g)) {
      for (const [, section = ''] of (match[1] ?? '').matchAll(/§(\d+(?:\.\d+)?)/g)) {
        if (!sections.has(section)) problems.push(`${file}: docs/PROTOCOL.md has no §${section}`);
      }
    }
    for (const match of text.matchAll(/docs\/decisions\/(\d{4})(?![\w-])/g)) {
      if (filesOf(`docs/decisions/${match[1]}-*.md`).length === 0)
        problems.push(`${file}: there is no decision ${match[1]}`);
    }
  }
  return problems;
}
