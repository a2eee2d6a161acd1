// Every default of the fold floor, with its unit and its reason.
export const defaults = {
  /** Records of one transaction at most: some milliseconds of reducing, so that other work of the process gets its turn. */
  commitRecordsMax: 1000,
  /** Milliseconds to wait for more before a commit. 0: each step of the tail at once; what arrives during a commit is the next step. */
  commitDelayMs: 0,
  /** Milliseconds before a fold tries again what may pass (a full disk), doubled each time: a short hiccup is not noticed. */
  retryDelayMsMin: 200,
  /** Milliseconds between tries at most: how late a fold notices that there is room again. */
  retryDelayMsMax: 5_000,
  /** Milliseconds between two looks at a topic that is followed: how late new partitions are noticed. A look costs an embedded log nothing and a cluster a handful of requests. */
  topicCheckMs: 5_000,
  /** Milliseconds between two looks for a topic that was deleted: somebody who makes it again waits for it. */
  absentCheckMs: 1_000,
  /** Milliseconds between what a member of a group has read and the commit that tells tools of it: how old the lag is that they show. Kafka's own consumers commit as often. */
  advisoryCommitMs: 5_000,
  /** Milliseconds that the end of a membership waits for its last commit: a figure for tools must not hold up a clean stop. */
  advisoryCloseWaitMs: 1_000,
  /** How often a new owner looks again when the present one commits while it claims: each try takes a millisecond or two. */
  claimTryCountMax: 50,
  /** Bytes of one read of a replay, the size that the Log port reads by default. */
  replayReadBytes: 1024 * 1024,
  /** Milliseconds that SQLite itself waits for another process's write lock. It blocks this process, so it is as long as ours hold it. */
  sqliteBusyWaitMs: 10,
  /** Milliseconds that a read waits in SQLite. Only a file that is being recovered makes one wait, and nobody waits in its place. */
  sqliteReadBusyWaitMs: 500,
  /** Milliseconds between two looks whether another process has let a store's file go: what a short holder costs at most. */
  storeBusyPollMs: 40,
  /** Milliseconds that a transaction waits for that in all: below the time that a clean stop has. Then the fold waits, and tries again. */
  storeBusyWaitMs: 2_000,
  /** Milliseconds that the opening of a store waits: as long as the start of a server waits for the one before it. */
  storeOpenWaitMs: 5_000,
  /** Prepared statements kept per connection: far above what a reducer has, and a bound for one that makes up its SQL. */
  sqliteStatementsMax: 200,
  /** MiB that DuckDB may take for data. A limit, not a use: an idle file takes a few. */
  duckDbMemoryMb: 256,
  /** Threads of DuckDB. The tables of a pipeline are small, and the machine has other work. */
  duckDbThreadCount: 1,
  /** MiB of DuckDB's write-ahead log before it is folded into the file. Small, so that each of these pauses is short. */
  duckDbCheckpointMb: 4,
  /** Carried states kept in memory between transactions; beyond it they are fetched anew. Some KiB each. */
  duckDbCarriedInMemoryMax: 2000,
} as const;
