// Every default of this package, with its unit and the reason for its value.
export const modelDefaults = {
  /** Pause between the words of the docs model: about the pace at which people read along (65 words a second at most). */
  docsPaceMs: 15,
  /** Where the page opens a document; the gateway serves the documents folder read-only at this path. */
  docsLinkPrefix: '/docs/',
  /** A document above this many bytes is skipped with a warning: it is data, not prose. */
  docsFileBytesMax: 2_097_152,
  /** More files than this are left out with a warning, so that a wrong folder (a home folder, say) stays harmless. */
  docsFileCountMax: 5000,
  /** More bytes than this in all are left out with a warning; about 3 s of indexing. */
  docsTotalBytesMax: 67_108_864,
  /** Folders deeper than this are left out: a guard against a mount that contains itself. */
  docsDepthMax: 16,
  /** A passage holds at most this many characters: what fits in a screenful and still makes sense alone. */
  passageCharsMax: 900,
  /** An answer quotes at most this many passages: a fourth is seldom read. */
  answerPassageCountMax: 3,
  /** Content words of a question that are looked up; the rest of a pasted page is ignored. */
  questionTermCountMax: 24,
  /** A passage answers when it has this share of the question's weight (inverse document frequency); below it is noise. */
  coverageMin: 0.5,
  /** A further passage is quoted when it scores at least this share of the best one. */
  scoreShareMin: 0.4,
  /** How much the question before this one counts towards the rank: enough to break ties, too little to change the subject. */
  followUpShare: 0.25,
  /** Silence of a model server, before the first token or between two, after which it is given up. */
  modelTimeoutMs: 60_000,
  /** Pause before the one retry that a request gets while no token has arrived. */
  modelRetryDelayMs: 250,
  /** A `retry-after` of the server is honoured up to this long; beyond it, asking again is the person's choice. */
  modelRetryAfterMsMax: 5000,
  /** One answer of a model server may have this many bytes; the longest real ones stay below a tenth of it. */
  modelAnswerBytesMax: 33_554_432,
  /** Characters of a server's own words that go into an error message. */
  modelWordsCharsMax: 300,
} as const;
