// Every default of the pipelines, with its unit and its reason.
export const defaults = {
  /** Records of one transaction at most: reducing them takes about 10 ms, in which the process does nothing else. */
  commitRecordsMax: 1000,
  /** Milliseconds that a record waits for more: a commit costs 2 to 5 ms, so that a busy topic costs 2 % of a core, and a table is never older than a blink. */
  commitDelayMs: 200,
  /** The largest page of a table, in rows. */
  pageRowsMax: 1000,
  /** The most rows of a query, whatever is asked for. */
  queryRowsMax: 10_000,
  /** MiB of cells that one answer may have, so that a careless query cannot fill the server's memory. */
  answerMb: 16,
  /** Milliseconds that a query may run before it is interrupted. It holds one of the process's four I/O threads. */
  queryTimeoutMs: 10_000,
  /** Milliseconds between two interrupts of a query that has not ended yet. */
  interruptEveryMs: 20,
  /** Queries that may wait for the one that runs; the next is told to come back. */
  queriesWaitingMax: 16,
  /** Characters of a query: far above what a person writes. */
  queryLengthMax: 100_000,
} as const;

/** What the `turns` table keeps of one conversation. */
export const turnsDefaults = {
  /** Characters kept of a question. The log has it all; a table of millions of rows wants the gist. */
  questionLengthMax: 8000,
  /** Questions of a conversation that a new run can refer to, the newest ones. */
  questionsMax: 1000,
  /** Runs of one conversation that have not ended. People have a handful; more is somebody's mistake. */
  openRunsMax: 1000,
  /** Ended runs that are remembered, so that a late copy of a record does not bring one back. */
  endedRunsMax: 1000,
} as const;
