// Every default of this package, with its unit and the reason for it.

export const functionDefaults = {
  /** The language of the house. */
  runtime: { kind: 'nodejs' },
  /** Name of the export that is called; Lambda's customary one. */
  handler: 'handler',
  /** A long answer of a slow model; Lambda allows 15 minutes, and nobody waits that long at a page. */
  timeoutMs: 120_000,
  /** Node itself takes about 50 MB, the AI SDK another 50; the rest is for the function. */
  memoryMb: 512,
  /** Processes that serve at once: a laptop's share. Runs beyond them wait on the log. */
  environmentsMax: 8,
  /** Lambda's classic contract. More than 1 is its multi-concurrency, for functions that mostly wait for a model. */
  invocationsPerEnvironment: 1,
  /** Invocations that wait for a free environment: a burst of thousands, and no more memory than that takes. */
  queueLengthMax: 10_000,
  /** One process ready ahead hides 35 to 160 ms of start (research/functions.md §3.3) and takes over from a killed one. */
  spareCount: 1,
  /** Count of processes: nothing beyond the spare is kept loaded unless somebody asks for it. */
  provisionedConcurrency: 0,
  /** Lambda freezes; here a handler that goes on after its answer did so before, and a debugger has to reach it. */
  isFrozenWhenIdle: false,
  /** An unused process beyond the spares is stopped after 5 minutes. */
  idleMs: 300_000,
  /** Tries of one run. A process that dies five times in a row is no accident. */
  attemptsMax: 5,
  /** A dead supervisor's runs are taken over this long after its last record: a few missed renewals, not one. */
  leaseMs: 10_000,
  /** Chunks that come within it share a record: below what a reader can see, and 50 records a second at most. */
  chunkWindowMs: 20,
  /** A record is closed early at this many bytes of chunks. */
  chunkBytesMax: 4096,
  /** A cancelled handler may clean up for this long before its process is killed. */
  stopGraceMs: 2000,
  /**
   * A process that several invocations share and that is stuck for this long is killed, so that one endless loop does not
   * keep the others until its own time-out. An event loop that is busy for 10 seconds serves nobody.
   */
  unresponsiveMs: 10_000,
  /** Lambda gives a function 10 seconds to load. */
  initTimeoutMs: 10_000,
} as const;

export const limits = {
  /** Largest frame from a function. Its writes are cut at 256 KiB; what it returns may be 6 MiB on Lambda. */
  frameBytesMax: 8 * 1024 * 1024,
  /** Most bytes of events that wait for a free environment of one function; those that are made later take none. */
  queueBytesMax: 128 * 1024 * 1024,
  /** Largest event that a handler gets; Lambda's limit is 6 MiB, a long conversation with files needs more. */
  invokeBytesMax: 32 * 1024 * 1024,
  /** Largest UI message chunk: it must fit into a record of the default 1 MiB. */
  uiChunkBytesMax: 768 * 1024,
  /** Most bytes of chunks in one record; its envelope and the end of the run beside it need room, too. */
  recordBytesMax: 896 * 1024,
  /** A longer error message is cut: it stands in the record that ends the run, which the log must take. */
  errorMessageLengthMax: 4096,
  /** Largest reply of one run, and the most that is held while a new attempt is compared with what stands. */
  replyBytesMax: 16 * 1024 * 1024,
  /** Above this many bytes that wait for the log, the function's pipe is no longer read. */
  pendingBytesMax: 1024 * 1024,
  /** A longer line of a function's own output is cut. */
  logLineLengthMax: 4096,
  /** Lines kept per invocation; later ones are counted only. */
  logLinesPerInvocationMax: 200,
} as const;

export const lambdaLimits = {
  /** Largest event and largest buffered answer: Lambda's 6 MiB and 100 bytes (aws-lambda-runtime-interface-emulator). */
  payloadBytesMax: 6 * 1024 * 1024 + 100,
  /** Largest concurrency that is reserved or provisioned by AWS's API: what an account of AWS has, and throughline.config.ts takes. */
  concurrencyMax: 1000,
  /** Largest streamed answer at the Runtime API: Lambda's 200 MB. */
  streamBytesMax: 200 * 1024 * 1024,
  /** The prelude of an HTTP answer stands in the first 16 KB, as API Gateway has it. */
  preludeBytesMax: 16 * 1024,
  /** Bytes at the end of an invocation's log that X-Amz-Log-Type: Tail asks for; Lambda's figure. */
  logTailBytes: 4096,
  /** Bytes of a streamed answer that may wait for its reader; above it the function waits, too. */
  streamQueueBytesMax: 256 * 1024,
} as const;

/** A stuck process is known by this many pings without an answer, so that one late timer of ours convicts nobody. */
export const unansweredPingCount = 4;
/**
 * After so many attempts whose process died, a run gets a process to itself: whatever kills it is not in its neighbours
 * again and again. Once is no pattern, and a kill from outside is made good fastest in a process that is there.
 */
export const sharedDeathCount = 2;
/** How often the memory of a busy process is looked at: a leak of 1 GB/s overshoots by 250 MB. */
export const memoryWatchMs = 250;
/** An idle process is frozen after these milliseconds: calls in a row do not pay for it, and its last lines have been read. */
export const freezeDelayMs = 20;
/** A secret that is shorter is not looked for in what a function prints: it would be found everywhere. */
export const redactedLengthMin = 6;
/** At the end of an invocation it is looked at, unless it was within these milliseconds. */
export const memorySampleMs = 10;
/** The share of memoryMb that V8's old space may take; the rest is young space, code and buffers. */
export const oldSpaceShare = 0.75;
/** Runs of a function that are handed to its invoker ahead; the others wait, in the order of the log, and take no place. */
export const runsAheadMax = 16;
/** A new spare starts this long after the last one was taken, so that its start does not slow the first token. */
export const spareDelayMs = 300;
/** A spare that dies without having been used is replaced ever more slowly, at most this late, in milliseconds. */
export const spareDelayMsMax = 30_000;
/** A process that the machine did not give (a full disk, a full process table) is asked for again after this long … */
export const startRetryMs = 200;
/** … then after twice as long each time, but never later than this: somebody may be waiting at a page. */
export const startRetryMsMax = 3000;
/** An answer that breaks off is the failure of its invocation, unless its process turns out to have died within so many milliseconds. */
export const truncationGraceMs = 200;
/** After the process has gone, its pipes may be held open by a grandchild; they are given up after this long. */
export const pipeDrainMs = 500;
/** An append that the log rejected for want of disk space is tried again after this long … */
export const appendRetryMs = 200;
/** … and so often; then the attempt is given up and the run is taken over when its lease ends. */
export const appendRetriesMax = 10;
/** Folded conversations kept in memory, and the most bytes of events that they may stand for. */
export const conversationsMax = 1000;
export const conversationBytesMax = 64 * 1024 * 1024;
/** The checkpoint is written this long after the first change that it does not have. */
export const checkpointMs = 2000;
/**
 * A conversation with an open run is written once the checkpoint would stay so many records behind for its sake: below that its
 * events are read again, which is cheaper than writing it again and again while somebody adds to it.
 */
export const heldBackRecordsMax = 1000;
/** After the log could not be read, or rejected the end of a run, it is asked again after this long. */
export const retryDelayMs = 1000;
/** Supervisors that share the runs of a function are members of the group of this name and the function's. */
export const functionGroupPrefix = 'throughline-functions-';
/** A group that could not be joined is joined again after this long, in milliseconds: somebody has to put it right first. */
export const groupRetryMs = 5000;
/** While too much is in memory, a checkpoint is written after every so many records at the earliest, and memory freed. */
export const saveRecordsMin = 1000;

/** Event source mappings: batches of a topic's records for a function. Names, bounds and values are AWS's where AWS has them. */
export const mappingDefaults = {
  /** Records of one batch; AWS's value. */
  batchSize: 100,
  /** Milliseconds that a record may wait for more of its batch: AWS's for Kafka; 0 hands on at once. */
  batchWindowMs: 500,
  /** … and AWS's for streams. */
  streamWindowMs: 0,
  /** AWS has no default, and asks; the beginning is the one that leaves nothing out. */
  startingPosition: 'TRIM_HORIZON',
  /** A count: batches of one partition at once, each with keys of its own; 1 is the order of the partition. */
  parallelizationFactor: 1,
  /** Times that a batch is tried again; -1 is for ever, as on AWS: nothing is given up unless somebody says so. */
  maximumRetryAttempts: -1,
  /** Records of any age, as on AWS. */
  maximumRecordAgeSeconds: -1,
} as const;

export const mappingLimits = {
  /** AWS's bounds. */
  batchSizeMax: 10_000,
  batchWindowMsMax: 300_000,
  parallelizationFactorMax: 10,
  maximumRetryAttemptsMax: 10_000,
  maximumRecordAgeSecondsMin: 60,
  maximumRecordAgeSecondsMax: 604_800,
  /** AWS takes 5 filters, and 10 on request. */
  filtersMax: 10,
  /** Mappings that AWS lists at once: its value, and its bound. */
  listedMax: 100,
  /** Largest event of a batch: Lambda's 6 MiB. */
  eventBytesMax: 6 * 1024 * 1024,
  /** Bytes of a partition's records that are read ahead of the function: two full batches. Above it the log is not read. */
  aheadBytesMax: 12 * 1024 * 1024,
  /** A count: records from the first that is not done on; SQS's bound for messages in flight is 120,000. */
  openCountMax: 100_000,
  /** Characters of an error's message that a dead letter carries. */
  errorMessageLengthMax: 1024,
  /** What a dead letter's headers may take beside the record: for a dead letter topic that is made here. */
  deadLetterHeaderBytes: 16 * 1024,
} as const;

/** Queues. Names, bounds and values are SQS's, and those of its event source mapping, where they have them. */
export const queueDefaults = {
  /** Count of messages of one event; SQS's own. */
  batchSize: 10,
  /** Milliseconds that a message may wait for more of its batch. */
  batchWindowMs: 0,
  /** SQS's 30 seconds, in milliseconds. */
  visibilityTimeoutMs: 30_000,
  reportBatchItemFailures: false,
} as const;

export const queueLimits = {
  /** AWS's bounds of an event source mapping of a queue: counts of messages, and milliseconds. */
  batchSizeMax: 10_000,
  /** A count: above it AWS asks for a window. */
  batchSizeMaxWithoutWindow: 10,
  /** AWS's five minutes. */
  batchWindowMsMax: 300_000,
  /** 12 hours. */
  visibilityTimeoutMsMax: 43_200_000,
  /** A count of receives. */
  receiveCountMax: 1000,
  filtersMax: 10,
  /** A count: partitions of the topic of receipts, and of a queue that is made here; servers on one log share those of a queue. */
  partitionCount: 4,
  /** Receipts are removed after SQS's longest retention, 14 days: a message that was received before counts from 1 again. */
  receiptRetentionMs: 14 * 24 * 3600 * 1000,
  /** A message comes again after this many milliseconds at the earliest, also with a visibility time-out of 0. */
  visibilityMsMin: 100,
} as const;
/** Where it is kept how often messages were received, and which are deleted. */
export const queuesTopic = '_throughline.queues';

/** A batch that failed is tried again after this long, in milliseconds, then after twice as long each time … */
export const batchRetryMsMin = 100;
/** … up to this: a function that is repaired has its records half a minute later. */
export const batchRetryMsMax = 30_000;
/** A function that has no room, or cannot be loaded, is asked again after at most this long, in milliseconds: a new file may be there. */
export const pressureRetryMsMax = 5_000;
/** Milliseconds between two looks at the topic of a mapping: how late it notices one that was made again. A look costs an embedded log nothing. */
export const mappedTopicCheckMs = 5_000;
/** Milliseconds that the end of a mapping waits for batches under way; then they are given back, and come again. Below the 5 s of a clean stop. */
export const mappingCloseMs = 2_000;
/** Milliseconds that the end of a mapping waits for its last commit: what is not committed comes again. */
export const mappingCommitMs = 1_000;
/** The consumer group of a mapping of the configuration begins with this; its function, type and topic follow. */
export const mappingGroupPrefix = 'throughline-trigger-';
/** Where mappings are kept that were made by AWS's API. */
export const mappingsTopic = '_throughline.mappings';
/** … and settings of functions. */
export const functionSettingsTopic = '_throughline.function-settings';

/** Asynchronous invocations: what waits for a function, waits on this topic. Names, bounds and values are AWS's where AWS has them. */
export const asyncTopic = '_throughline.async';
/** The consumer group whose members share out that topic. */
export const asyncGroup = 'throughline-async';
export const asyncDefaults = {
  /** Times that an event is tried again after its function has failed; AWS's value. */
  maximumRetryAttempts: 2,
  /** … and how long after the failure, in milliseconds: AWS's minute, and two. */
  retryDelaysMs: [60_000, 120_000] as readonly number[],
  /** An event that is older is given up: AWS's six hours. */
  maximumEventAgeSeconds: 21_600,
} as const;

export const asyncLimits = {
  /** AWS's bounds. */
  maximumRetryAttemptsMax: 2,
  maximumEventAgeSecondsMin: 60,
  maximumEventAgeSecondsMax: 21_600,
  /** Largest event: AWS's 1 MB. */
  payloadBytesMax: 1024 * 1024,
  /** The record of such an event has headers, too. */
  recordBytesMax: 1024 * 1024 + 64 * 1024,
  /** A count: partitions that servers on one log share. */
  partitionCount: 4,
  /** A larger answer is left out of the record for a destination: it has the event beside it. */
  responseBytesMax: 1024 * 1024,
  /** A topic that is made for a destination takes an event, an answer and what is said of them. */
  destinationRecordBytesMax: 3 * 1024 * 1024,
  /** A count; like `_throughline.async`. */
  destinationPartitionCount: 4,
  /** Functions that call each other as destinations are stopped after so many: AWS's bound for recursive loops. */
  hopsMax: 16,
  /** An id counts once among this many records of its partition, which a start reads again to know them: a second's work. */
  rememberedRecordsMax: 10_000,
  /** Bytes of events of one partition that are kept in memory from reading to calling; the others are read again. */
  keptBytesMax: 8 * 1024 * 1024,
  /** Characters of an error's message that is kept. */
  errorMessageLengthMax: 1024,
} as const;

/** What is not the function's failure (no room, a function that cannot be loaded) is tried again after this long, in milliseconds … */
export const asyncBackoffMsMin = 1000;
/** … and after twice as long each time, up to this; AWS's values. */
export const asyncBackoffMsMax = 300_000;
/** Milliseconds that the end waits for invocations under way; then they are given back, and are called again. Below the 5 s of a clean stop. */
export const asyncCloseMs = 2000;
/** Changed sources are loaded once nothing has changed for this long: an editor writes a file in several steps. */
export const sourceSettleMs = 150;
/** Folders below one that is watched; a machine gives some thousands of watches to all its programs. */
export const watchedFoldersMax = 1000;
/** A schedule looks at the wall clock at least this often: it may be put forward or back. */
export const scheduleSliceMs = 30_000;
/** A call by schedule that the log does not take is handed over again after this long, then after twice as long each time … */
export const scheduleRetryMs = 1000;
/** … but never later than this. */
export const scheduleRetryMsMax = 30_000;
/** Levels of an event pattern; events have a few. */
export const patternDepthMax = 100;
/** A file of a bucket is whole when nothing has written to it for this long. */
export const bucketSettleMs = 500;
/** A bucket is looked through at least this often, also where the machine tells of no changes (network file systems). */
export const bucketLookMs = 30_000;
/** What was seen of a bucket is written this long after a change. */
export const bucketSaveMs = 200;
