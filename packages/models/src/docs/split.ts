// Cuts a document into passages: sections at headings, then whole blocks packed up to a size. A passage never crosses a
// heading, so that every quotation can name the file and the heading that it comes from.
import type { DocumentKind, Passage, Section } from './document.ts';
import { htmlSections } from './html-sections.ts';
import { markdownSections } from './markdown-sections.ts';
import { textSections } from './text-sections.ts';

const readers: Readonly<Record<DocumentKind, (source: string) => Section[]>> = {
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

/** A block above the size is cut between lines, a line above it between words; pieces of a code block keep its fences. */
function cut(block: string, charsMax: number): string[] {
  if (block.length <= charsMax) return [block];
  const fence = /^ {0,3}(`{3,}|~{3,}).*\n/.exec(block);
  const open = fence?.[0].trimEnd();
  const close = fence?.[1];
  const lines = block.split('\n');
  const body = open === undefined ? lines : lines.slice(1, -1);
  const room = charsMax - (open === undefined ? 0 : open.length + (close?.length ?? 0) + 2);
  const pieces: string[] = [];
  let current = '';
  for (const line of body.flatMap((each) => cutLine(each, Math.max(room, 1)))) {
    if (current !== '' && current.length + 1 + line.length > room) {
      pieces.push(current);
      current = '';
    }
    current = current === '' ? line : `${current}\n${line}`;
  }
  if (current !== '') pieces.push(current);
  return open === undefined ? pieces : pieces.map((piece) => `${open}\n${piece}\n${close}`);
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
