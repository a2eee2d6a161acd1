// A plain text file is one section without a heading; its paragraphs are its blocks. What Markdown would take for marks
// is escaped, so that the quotation shows what the file says.
import type { Section } from './document.ts';

export function textSections(source: string): Section[] {
  const blocks = source
    .split(/\n[ \t]*\n/)
    .map((block) => block.trim())
    .filter((block) => block !== '')
    .map(escapeMarkdown);
  return blocks.length === 0 ? [] : [{ headings: [], anchor: undefined, blocks }];
}

/** Text as Markdown that shows exactly that text. */
export function escapeMarkdown(text: string): string {
  return text
    .replaceAll(/[\\`*_[\]<>|~]/g, String.raw`\$&`)
    .replaceAll(/^([ \t]*)([#+-])/gm, String.raw`$1\$2`)
    .replaceAll(/^([ \t]*\d+)([.)])/gm, String.raw`$1\$2`);
}
