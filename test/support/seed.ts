// Seeds and rounds of the tests that draw at random. `npm test` and the judges always draw the same, so that a change which
// is innocent does not fail by chance; `npm run test:long` draws anew in each run. The seed stands in the test's name.
//
//   SEED=4711 npm test -- kill-function      another seed, or the one that has failed
const roundsText = process.env['THROUGHLINE_ROUNDS'];

/** How many times as many rounds as in `npm test`. */
export const roundsFactor = Number(roundsText ?? 1);

export const seed = Number(process.env['SEED'] ?? (roundsText === undefined ? 1 : Date.now() % 1_000_000));
