// The sections of a document as a reader of any markup comes upon them: blocks, and headings that end one section and begin
// the next below those of a higher level.
import type { Section } from './document.ts';

export class SectionBuilder {
  readonly #sections: Section[] = [];
  readonly #anchors = anchorMaker();
  #headings: readonly { readonly level: number; readonly text: string }[] = [];
  #anchor: string | undefined;
  #blocks: string[] = [];

  /** A block of the section under way, in Markdown. */
  add(block: string): void {
    this.#blocks.push(block);
  }

  /** @param anchor what the document itself names the heading; made from its text where absent */
  begin(level: number, text: string, anchor?: string): void {
    this.end();
    this.#headings = [...this.#headings.filter((heading) => heading.level < level), { level, text }];
    this.#anchor = anchor ?? this.#anchors(text);
  }

  /** Ends the section under way; one without a block is none. */
  end(): readonly Section[] {
    const headings = this.#headings.map(({ text }) => text);
    if (this.#blocks.length > 0) this.#sections.push({ headings, anchor: this.#anchor, blocks: this.#blocks });
    this.#blocks = [];
    return this.#sections;
  }
}

/** The fragments that GitHub and most renderers give to headings: lower case, no punctuation, `-1`, `-2` when repeated. */
export function anchorMaker(): (heading: string) => string {
  const counts = new Map<string, number>();
  return (heading) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  };
}
