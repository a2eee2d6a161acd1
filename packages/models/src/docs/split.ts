// Cuts a document into passages: sections at headings, then whole blocks packed up to a size. A passage never crosses a
// heading, so that every quotation can name the file and the heading that it comes from.
import type { DocumentKind, Passage, Section } from './document.ts';
import { htmlSections } from './html-sections.ts';
import { markdownSections } from './markdown-sections.ts';
import { textSections } from './text-sections.ts';

const readers: Readonly<Record<DocumentKind, (source: string) => readonly Section[]>> = {
  markdown: markdownSections,
  text: textSections,
  html: htmlSections,
};

/**
 * The passages of a document, in order.
 *
 * @param charsMax upper bound of a passage, in characters
 * @example splitDocument('markdown', '# Log\n\nAppend only.', 900) // [{ headings: ['Log'], anchor: 'log', markdown: 'Append only.' }]
 */
export function splitDocument(kind: DocumentKind, source: string, charsMax: number): Passage[] {
  const passages: Passage[] = [];
  for (const { headings, anchor, blocks } of readers[kind](source.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n'))) {
    for (const markdown of pack(
      blocks.flatMap((block) => cut(block, charsMax)),
      charsMax,
    )) {
      passages.push({ headings, anchor, markdown });
    }
  }
  return passages;
}

function pack(blocks: readonly string[], charsMax: number): string[] {
  const packed: string[] = [];
  let current = '';
  for (const block of blocks) {
    if (current !== '' && current.length + 2 + block.length > charsMax) {
      packed.push(current);
      current = '';
    }
    current = current === '' ? block : `${current}\n\n${block}`;
  }
  if (current !== '') packed.push(current);
  return packed;
}

/** A block above the size is cut between lines, a line above it between words; what frames the block frames each piece. */
function cut(block: string, charsMax: number): string[] {
  if (block.length <= charsMax) return [block];
  const { head, lines, tail } = framed(block);
  const room = Math.max(1, charsMax - head.length - tail.length);
  const pieces: string[] = [];
  let current = '';
  for (const line of lines.flatMap((each) => cutLine(each, room))) {
    if (current !== '' && current.length + 1 + line.length > room) {
      pieces.push(current);
      current = '';
    }
    current = current === '' ? line : `${current}\n${line}`;
  }
  if (current !== '') pieces.push(current);
  return pieces.map((piece) => head + piece + tail);
}

/** What must stand around every piece: the fences of a code block, the column names of a table. */
function framed(block: string): { readonly head: string; readonly lines: readonly string[]; readonly tail: string } {
  const lines = block.split('\n');
  const [first = '', second = ''] = lines;
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(first)?.[1];
  if (fence !== undefined) return { head: `${first}\n`, lines: lines.slice(1, -1), tail: `\n${fence}` };
  const isTable = first.includes('|') && /^[\s|:-]+$/.test(second) && second.includes('-');
  if (isTable) return { head: `${first}\n${second}\n`, lines: lines.slice(2), tail: '' };
  return { head: '', lines, tail: '' };
}

function cutLine(line: string, charsMax: number): string[] {
  const pieces: string[] = [];
  let rest = line;
  while (rest.length > charsMax) {
    const space = rest.lastIndexOf(' ', charsMax);
    const isPairSplit = charsMax > 1 && /[\uD800-\uDBFF]/.test(rest[charsMax - 1] ?? '');
    const end = space > 0 ? space : charsMax - (isPairSplit ? 1 : 0);
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...pieces, rest];
}
