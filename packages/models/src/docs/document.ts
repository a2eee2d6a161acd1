// What the docs model reads: a document is one file of the folder, a section is what stands under one heading of it, a
// passage is a piece of a section that is small enough to quote whole.

export type DocumentKind = 'markdown' | 'text' | 'html';

export interface Section {
  /** The headings above and including this section's own, outermost first; empty before the first heading. */
  readonly headings: readonly string[];
  /** The fragment of its heading in a link, or undefined where there is none. */
  readonly anchor: string | undefined;
  /** Its blocks (paragraphs, lists, tables, code) in Markdown, in order. */
  readonly blocks: readonly string[];
}

export interface Passage {
  readonly headings: readonly string[];
  readonly anchor: string | undefined;
  /** What is quoted: Markdown. */
  readonly markdown: string;
}

// What the gateway shows at /docs/ too, so that every source can be opened.
const kinds: Readonly<Record<string, DocumentKind>> = {
  md: 'markdown',
  markdown: 'markdown',
  txt: 'text',
  html: 'html',
  htm: 'html',
};

/** The kind of document that a file name promises, or undefined for everything that is not read. */
export function documentKind(fileName: string): DocumentKind | undefined {
  const dot = fileName.lastIndexOf('.');
  return dot < 0 ? undefined : kinds[fileName.slice(dot + 1).toLowerCase()];
}
