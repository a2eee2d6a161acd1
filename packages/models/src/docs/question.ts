// What a question asks for: its content words, each as an FTS5 string. A word is a run of letters and digits; a run of
// Chinese or Japanese characters has no spaces to go by, so it is looked up as its overlapping pairs. Everything goes
// to SQLite in double quotes: no character of a question can act as an operator of the query language.

const stopWords = new Set(
  (
    'a about after all also am an and any are as at be because become becomes been before being but by can could did do does doing ' +
    'down during each else explain few find for from further get give had has have having he her here hers him his how ' +
    'i if in into is it its just know let like me mean means more most my no nor not now of off on once only or other ' +
    'our out over own please same say she should show so some such tell than that the their them then there these they ' +
    'this those through to too under until up us use used using very want was we were what whats when where which while ' +
    'who whom why will with would you your work works working happen happens'
  ).split(' '),
);
const han = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu;
const wordOrHan = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+|[\p{L}\p{N}\p{M}]+/gu;

/** The content words of `text` as FTS5 strings, each once, at most `countMax`. */
export function questionTerms(text: string, countMax: number): string[] {
  const terms = new Set<string>();
  for (const [run] of text.toLowerCase().matchAll(wordOrHan)) {
    if (terms.size >= countMax) break;
    if (run.search(han) < 0) {
      if (run.length > 1 && run.length <= 64 && !stopWords.has(run)) terms.add(`"${run}"`);
      continue;
    }
    const characters = Array.from(run);
    if (characters.length === 1) terms.add(`"${characters[0]}"`);
    for (let index = 0; index + 1 < characters.length && terms.size < countMax; index++) {
      terms.add(`"${characters[index]} ${characters[index + 1]}"`);
    }
  }
  return [...terms];
}

/** Text as it is indexed: with a space around every character that is a word of its own. */
export function searchable(text: string): string {
  return text.replaceAll(han, ' $& ');
}
