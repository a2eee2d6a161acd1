// Cuts HTML into sections at h1 … h6 and its text into blocks, in one pass from left to right (so that no input takes
// more than linear time). It is a reader of text, not a parser of HTML: what is hidden from people (scripts, styles,
// navigation) is left out, and everything else is taken for the words it shows.
import type { Section } from './document.ts';
import { SectionBuilder } from './section-builder.ts';
import { escapeMarkdown } from './text-sections.ts';

const skipped = new Set(['script', 'style', 'template', 'noscript', 'svg', 'nav', 'head', 'iframe', 'object']);
const breaking = new Set(
  'p div section article main header footer aside ul ol li dl dt dd table tr pre blockquote figure figcaption br hr'.split(
    ' ',
  ),
);
const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  copy: '©',
  reg: '®',
  trade: '™',
  times: '×',
  middot: '·',
  rarr: '→',
  larr: '←',
  deg: '°',
  bull: '•',
};

export function htmlSections(source: string): readonly Section[] {
  const sections = new SectionBuilder();
  let text = '';
  let listItem = false;
  let heading: { level: number; id: string | undefined } | undefined;

  const takeWords = (): string => {
    const words = decodeEntities(text).replaceAll(/\s+/g, ' ').trim();
    text = '';
    return words;
  };
  const endBlock = (): void => {
    const words = takeWords();
    if (words === '') return;
    sections.add(listItem ? `- ${escapeMarkdown(words)}` : escapeMarkdown(words));
    listItem = false;
  };

  for (const token of tokens(source)) {
    if (token.kind === 'text') {
      text += token.text;
      continue;
    }
    const level = /^h[1-6]$/.test(token.name) ? Number(token.name[1]) : undefined;
    if (level !== undefined && !token.isEnd) {
      endBlock();
      sections.end();
      heading = { level, id: token.id };
    } else if (level !== undefined && heading !== undefined) {
      sections.begin(heading.level, takeWords(), heading.id);
      heading = undefined;
    } else if (breaking.has(token.name)) {
      if (heading === undefined) endBlock();
      if (token.name === 'li' && !token.isEnd) listItem = true;
    } else if (token.name === 'td' || token.name === 'th') text += ' ';
  }
  endBlock();
  return sections.end();
}

type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tag'; readonly name: string; readonly isEnd: boolean; readonly id: string | undefined };

function* tokens(source: string): Generator<Token> {
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf('<', at);
    yield { kind: 'text', text: source.slice(at, open < 0 ? source.length : open) };
    const isComment = open >= 0 && source.startsWith('<!--', open);
    const end = open < 0 ? -1 : source.indexOf(isComment ? '-->' : '>', open);
    // A comment or a tag that never ends swallows the rest, as in a browser.
    if (end < 0) break;
    if (isComment) {
      at = end + 3;
      continue;
    }
    // A tag longer than this is no tag; the `<` is then the character that it looks like.
    const tag = end - open > 4096 ? null : /^<(\/?)([a-zA-Z][a-zA-Z0-9-]*)/.exec(source.slice(open, end));
    if (tag === null) {
      const isDeclaration = source[open + 1] === '!' || source[open + 1] === '?';
      if (!isDeclaration) yield { kind: 'text', text: '&lt;' };
      at = isDeclaration ? end + 1 : open + 1;
      continue;
    }
    const name = (tag[2] ?? '').toLowerCase();
    const isEnd = tag[1] === '/';
    at = end + 1;
    if (!isEnd && skipped.has(name)) {
      at = afterElement(source, name, at);
      continue;
    }
    const id = /\sid\s*=\s*["']?([^"'\s>]+)/.exec(source.slice(open, end))?.[1];
    yield { kind: 'tag', name, isEnd, id };
  }
}

/** Where the content of a skipped element ends; at the end of the document when it is never closed. */
function afterElement(source: string, name: string, from: number): number {
  const pattern = new RegExp(`</${name}`, 'gi');
  pattern.lastIndex = from;
  const end = pattern.exec(source) === null ? -1 : source.indexOf('>', pattern.lastIndex);
  return end < 0 ? source.length : end + 1;
}

function decodeEntities(text: string): string {
  return text.replaceAll(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,8});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name.toLowerCase()] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
