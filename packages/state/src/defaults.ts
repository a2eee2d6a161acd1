// Every default value of this package, with its unit and its reason. Other files take options.

export const defaults = {
  /** ms; how often what has arrived is shown. 33 ms is 30 a second: smooth to read, and one commit for many tokens. */
  flushMs: 33,
  /** ms; the same while the page is hidden: nobody looks, and browsers throttle timers anyway. */
  hiddenFlushMs: 250,
  /** ms; a replay is shown once it has caught up, but never later than this. */
  replayFlushMs: 500,
  /** Events that may wait for a flush; a hidden tab's timers can stop for a minute. */
  queuedEventsMax: 5000,
  /** ms; the first wait before a connection or a request is tried again; doubles up to `retryMaxMs`, with full jitter. */
  retryBaseMs: 250,
  /** ms; nobody waits longer than this for a server that has come back. */
  retryMaxMs: 10_000,
  /** ms without a byte after which a connection counts as dead: the server writes a heartbeat every 15 s. */
  silenceMs: 40_000,
  /** ms; a request without an answer by then has failed, and is tried again where that is safe. */
  requestTimeoutMs: 30_000,
  /** Tries of a message before it is shown as failed: with the waits above, a little over a minute. */
  sendTriesMax: 12,
  /** Messages that may wait to be sent in one conversation; a person writes a handful. */
  outboxMax: 100,
  /** Conversations kept in memory after nobody looks at them any more: going back to one of the last costs no reload. */
  conversationsMax: 20,
  /** ms that a conversation stays connected after its last subscriber left: going back and forth costs nothing. */
  lingerMs: 5_000,
  /** ms between reads of the conversation list while no connection brings its changes. */
  listPollMs: 15_000,
  /** Conversations per page of the list. */
  listLimit: 50,
  /** Characters of one server-sent event; a record is at most 1 MiB, and JSON text may double it. */
  sseEventCharactersMax: 4_194_304,
} as const;

export type StateSettings = { readonly [Name in keyof typeof defaults]: number };
