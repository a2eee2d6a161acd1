// Cuts Markdown into sections at its headings, and a section into blocks at blank lines (CommonMark 0.31: ATX and
// setext headings, fenced code). Only what is needed to quote whole blocks and to link to a heading is understood; the
// quoted Markdown itself is rendered by the page.
import type { Section } from './document.ts';
import { SectionBuilder } from './section-builder.ts';

const atxHeading = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const fenceOpen = /^ {0,3}(`{3,}|~{3,})/;

export function markdownSections(source: string): readonly Section[] {
  const lines = withoutFrontMatter(source).split('\n');
  const sections = new SectionBuilder();
  let block: string[] = [];
  let fence: string | undefined;

  const endBlock = (): void => {
    if (block.length > 0) sections.add(block.join('\n'));
    block = [];
  };
  const startSection = (level: number, markdown: string): void => {
    endBlock();
    sections.begin(level, plainText(markdown));
  };

  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (fence !== undefined) {
      block.push(line);
      if (closesFence(line, fence)) {
        fence = undefined;
        endBlock();
      }
      continue;
    }
    const opened = fenceOpen.exec(line)?.[1];
    if (opened !== undefined) {
      endBlock();
      block.push(line);
      fence = opened;
      continue;
    }
    const heading = atxHeading.exec(line);
    if (heading !== null) {
      startSection(heading[1]?.length ?? 1, heading[2] ?? '');
      continue;
    }
    if (line.trim() === '') {
      endBlock();
      continue;
    }
    const underline = /^ {0,3}(=+|-+)[ \t]*$/.exec(lines[index + 1] ?? '')?.[1];
    if (underline !== undefined && block.length === 0 && !/^ {0,3}([-*+>|]|\d+[.)])/.test(line)) {
      startSection(underline.startsWith('=') ? 1 : 2, line.trim());
      index++;
      continue;
    }
    block.push(line);
  }
  if (fence !== undefined) block.push(fence);
  endBlock();
  return sections.end();
}

/** Markdown without its marks: what a heading says, or what of a passage is worth indexing. */
export function plainText(markdown: string): string {
  return markdown
    .replaceAll(/!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, '$1')
    .replaceAll(/<[^<>]{1,200}>/g, ' ')
    .replaceAll(/[`*]|(?<!\w)_|_(?!\w)/g, '')
    .trim();
}

function closesFence(line: string, fence: string): boolean {
  const closing = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
  return closing !== undefined && closing[0] === fence[0] && closing.length >= fence.length;
}

function withoutFrontMatter(source: string): string {
  if (!source.startsWith('---\n')) return source;
  const end = source.indexOf('\n---\n', 3);
  return end < 0 ? source : source.slice(end + 5);
}
