// What the test application answers: words numbered from 0, behind a word made of the question, so that two answers never
// look alike and a lost or repeated token shows at once.

/** The tokens of the answer to `question`. */
export function answerTokens(question: string): string[] {
  const count = Number(/tokens=(\d+)/.exec(question)?.[1] ?? 40);
  const name = /name=(\S+)/.exec(question)?.[1] ?? 'answer';
  return Array.from({ length: count }, (_, index) => `${name}:${index} `);
}

/** The whole answer to `question`. */
export function answerText(question: string): string {
  return answerTokens(question).join('');
}
