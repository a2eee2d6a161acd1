// Writes the answer: the passages that match best, quoted as they stand, each under a link to the file and heading that
// it comes from. The model adds one sentence of its own and nothing that the documents do not say.
import path from 'node:path';
import { questionTerms } from './question.ts';
import type { FoundPassage, PassageIndex } from './passage-index.ts';

export interface AnswerOptions {
  /** Where the page opens a document, with a slash at its end. */
  readonly linkPrefix: string;
  readonly passageCountMax: number;
  readonly termCountMax: number;
  readonly coverageMin: number;
  readonly scoreShareMin: number;
  readonly followUpShare: number;
}

export interface AnswerSource {
  readonly id: string;
  readonly url: string;
  /** `file › heading`. */
  readonly title: string;
}

/** A piece of the answer: its text, and the source that is shown with it. */
export interface AnswerPiece {
  readonly text: string;
  readonly source?: AnswerSource;
}

/**
 * Answers the last of `questions` from the index.
 *
 * @param questions what the person asked, oldest first
 */
export function answer(index: PassageIndex, questions: readonly string[], options: AnswerOptions): AnswerPiece[] {
  const passages = find(index, questions, options);
  if (passages.length === 0) {
    const count = index.fileCount === 1 ? 'the one document' : `the ${index.fileCount} documents`;
    return [
      {
        text:
          `Nothing in ${count} answers that. This model only quotes passages that match the words of a question: ` +
          'try other words, or choose another folder with `--docs`.',
      },
    ];
  }
  const opening =
    passages.length === 1
      ? 'This passage of the documents matches your question best:'
      : 'These passages of the documents match your question best:';
  return [{ text: opening }, ...passages.map((passage) => piece(passage, options.linkPrefix))];
}

function find(index: PassageIndex, questions: readonly string[], options: AnswerOptions): FoundPassage[] {
  const terms = questionTerms(questions.at(-1) ?? '', options.termCountMax);
  const before = questionTerms(questions.at(-2) ?? '', options.termCountMax);
  const request = {
    contextShare: options.followUpShare,
    coverageMin: options.coverageMin,
    passageCountMax: options.passageCountMax,
  };
  let found = index.search({ ...request, terms, contextTerms: before });
  if (found.length === 0 && before.length > 0 && terms.length <= 2) {
    // "And how often?" has nothing to look up without the question before it.
    found = index.search({ ...request, terms: [...new Set([...terms, ...before])], contextTerms: [] });
  }
  const best = found[0]?.score ?? 0;
  return found.filter(({ score }) => score >= best * options.scoreShareMin);
}

function piece(passage: FoundPassage, linkPrefix: string): AnswerPiece {
  const file = passage.path.split('/').map(encodeURIComponent).join('/');
  const url = `${linkPrefix}${file}${passage.anchor === undefined ? '' : `#${encodeURIComponent(passage.anchor)}`}`;
  const heading = passage.headings.at(-1);
  const title = heading === undefined ? passage.path : `${passage.path} › ${heading}`;
  const quoted = withOwnLinks(passage, linkPrefix)
    .split('\n')
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n');
  const label = title.replaceAll(/[\\[\]]/g, String.raw`\$&`);
  return { text: `\n\n**[${label}](${url})**\n\n${quoted}`, source: { id: url, url, title } };
}

/** A relative link of a document leads from its own folder; in the answer it must lead there from the page. */
function withOwnLinks(passage: FoundPassage, linkPrefix: string): string {
  const pieces = passage.markdown.split(/(^ {0,3}```[\s\S]*?^ {0,3}```|`[^`\n]*`)/m);
  return pieces.map((text, index) => (index % 2 === 1 ? text : relink(text, passage.path, linkPrefix))).join('');
}

function relink(markdown: string, from: string, linkPrefix: string): string {
  return markdown.replaceAll(/(!?)\[([^\]\n]*)\]\(([^()\s]+)\)/g, (whole, bang: string, text: string, to: string) => {
    if (bang !== '') return text;
    if (/^https?:/i.test(to)) return whole;
    const [file = '', fragment] = to.split('#', 2);
    const target = file === '' ? from : path.posix.join(path.posix.dirname(from), file);
    // A link that leaves the folder leads nowhere that is served: its words stay, the link goes.
    if (target.startsWith('..') || to.startsWith('/') || /^[a-z][a-z0-9+.-]*:/i.test(to)) return text;
    return `[${text}](${linkPrefix}${target}${fragment === undefined ? '' : `#${fragment}`})`;
  });
}
