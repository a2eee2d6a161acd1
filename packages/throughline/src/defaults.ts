// Every default of the command line and the all-in-one server, with its unit and the reason for its value. A default of
// a floor below stands in that floor's own defaults.ts.

/** Durable Streams' port; the page and the HTTP interface listen there. */
export const httpPort = 4437;
/** Kafka's port. */
export const kafkaPort = 9092;
/** Loopback only: there is no authentication yet. */
export const host = '127.0.0.1';
/** All state lives under it, beside the application, so that removing it is starting over. */
export const dataDir = '.throughline';
/** Folder that the docs model answers from, beside the configuration file. */
export const docs = 'docs';
/** Answers without a key and without a network. */
export const model = 'docs';
/** The longest wait of a long-poll read, in milliseconds: below the minute at which proxies cut idle requests. */
export const longPollMs = 30_000;
/** The name of the function that answers a conversation, unless the configuration names another. */
export const answerFunction = 'answer';
/** What an acknowledged prompt survives: the loss of power, not only of the process. */
export const durability = 'fsync';
/** The topic of all conversations: its name is part of the contract. */
export const conversationsTopic = 'conversations';
/** Partitions of topic `conversations`: enough to spread over a few consumers, few enough to open at once. */
export const conversationPartitions = 4;
/** How long a clean stop may take, in milliseconds, before the server is ended: 5 s are promised, with room to end it. */
export const stopWithinMs = 4_500;
/** How long a start waits, in milliseconds, for the server before it on the same data folder to finish its stop. */
export const dataDirWaitMs = 5_000;
/** How often it looks, in milliseconds. */
export const dataDirPollMs = 50;
/** Threads of libuv in the server: each partition's fsync waits in one, and reads should not wait behind them. */
export const threadPoolCount = 8;
/** The longest time that Node's timers can wait, in milliseconds (2^31 - 1). */
export const timerMsMax = 2_147_483_647;
/** Bytes of server.log before it becomes server.log.1 (the one before is gone): a function that prints fills no disk. */
export const serverLogBytesMax = 16 * 1024 * 1024;
/** Entries of the documents folder that are looked at for a document before the start stops looking, a count. */
export const docsEntriesMax = 2_000;
/** Two signals closer than this, in milliseconds, are one: npm and a terminal both pass Ctrl-C on. */
export const signalOnceWithinMs = 500;
/** Pace of the docs model, in milliseconds per chunk: quick, and slow enough to watch and to interrupt. */
export const docsPaceMs = 15;
/** Silence after which a model server is given up, in milliseconds: slow models think for a while. */
export const modelTimeoutMs = 60_000;
/** A function's time-out in milliseconds: AWS Lambda's longest. */
export const functionTimeoutMs = 900_000;
/** A function's memory in MiB: what the AI SDK and a small index need, with room. */
export const functionMemoryMb = 512;
/** Environments of one function at once: a laptop's worth of processes. */
export const functionEnvironmentsMax = 8;
/** Invocations that one environment takes at once: a language model is mostly waited for. */
export const invocationsPerEnvironment = 16;
/** Rows that `throughline sql` prints at most. */
export const sqlRowsMax = 1_000;
/** Records that `throughline consume` reads when it does not follow. */
export const consumeRecordsMax = 1_000;
/** Bytes that `throughline produce --bootstrap` appends in one go: far more than a pipe hands over at a time. */
export const bootstrapBodyBytesMax: number = 16 * 1024 * 1024;
/** Characters of a cell in a table for people: a name of Kafka's longest topic is cut, a path or a client's id is not. */
export const tableCellCharactersMax = 120;
/** Longer than this, in milliseconds, and a command says what it is doing. */
export const progressAfterMs = 1_000;
/** A configuration that loads for longer, in milliseconds, may wait for what never comes: that is said, with the way out. */
export const configSlowAfterMs = 5_000;
/** Share of the disk that should be free: below it, a busy day can fill it. */
export const diskFreeShareMin = 0.05;
/** Records that a fold may be behind before doctor calls it slow. */
export const lagRecordsMax = 10_000;
/** How far ahead of this machine's clock a record's time may be before doctor says so, in milliseconds. */
export const clockAheadMsMax = 60_000;
/** A topic below this many bytes per partition is too small to call skewed. */
export const skewBytesMin = 16 * 1024 * 1024;
/** A partition this many times the mean is skewed. */
export const skewRatioMax = 3;
/** Invocations that `functions invocations` lists, a count: a screen of them. */
export const invocationsListedMax = 20;
/** Lines that `throughline logs` prints of what is there already, a count. */
export const logLinesMax = 200;
/** Bytes of server.log that it looks through for them. */
export const logBytesMax = 4 * 1024 * 1024;
/** How often `throughline logs --follow` looks for new lines, in milliseconds. */
export const logPollMs = 200;
/** Bytes of one read of a migration, and of the records that it appends at once: some round trips' worth, well below 1 MiB. */
export const migrateReadBytes = 1024 * 1024;
export const migrateBatchBytes = 512 * 1024;
/** Offsets without records that a migration fills in a row at most, a count: some minutes. */
export const missingRecordsMax = 50_000_000;
/** Partitions that are copied at once, a count. */
export const migratePartitionsAtOnce = 6;
/** How often a migration says how far it is, in milliseconds. */
export const migrateProgressMs = 1_000;

/** Growth of the heap between two full collections, in percent of what is in use: some tens of MiB, and a fifth of the collections. */
export const heapGrowthPercent = 300;
/** How long Python may take to say its version: it takes 20 ms, on a machine that has just started far longer. */
export const pythonStartMs = 20_000;
/** The longest one step of making a Python environment may take, in milliseconds: large packages over a slow line. */
export const pythonInstallMs = 900_000;
/** Most bytes of an event that `invoke` reads from a file: one above Lambda's limit is too large, whatever follows. */
export const invokeBytesMax = 7 * 1024 * 1024;

/** A count of letters: a redrive says how far it is after so many, a line every second or so. */
export const redriveProgressLetters = 100;
