// Looks at the documents folder at the start, so that a mistyped --docs is seen at once and not with the first answer. It
// only warns: the folder is read anew for each question, so it may well come later.
import { opendir } from 'node:fs/promises';
import { docsEntriesMax } from '../defaults.ts';

/** Endings of documents, as the docs model knows them. */
const document = /\.(md|markdown|txt|html?)$/i;

/** What is wrong with the folder, in words; undefined when there is a document, or more than is looked at. */
export async function docsProblem(folder: string, entriesMax: number = docsEntriesMax): Promise<string | undefined> {
  let entryCount = 0;
  try {
    for await (const entry of await opendir(folder, { recursive: true })) {
      if (document.test(entry.name) || ++entryCount > entriesMax) return undefined;
    }
  } catch (error) {
    return `${folder} cannot be read: ${(error as Error).message}`;
  }
  return `${folder} has no .md, .txt or .html file`;
}
