// The closed table of error codes: what each means, which HTTP status and Kafka error it is, whether trying the same
// again can help, and what to do. docs/reference/errors.md is generated from it (scripts/errors-table.ts); adding a code
// here is the only way to have one.

export interface ErrorEntry {
  /** The status of an HTTP answer that carries this code: 4xx is the caller's fault, 5xx is ours. */
  readonly httpStatus: number;
  /** What a Kafka client is told, by its name in Kafka's protocol; UNKNOWN_SERVER_ERROR where nothing is said. */
  readonly kafka?: string;
  /** Whether the same request can succeed later without a change. */
  readonly retriable: boolean;
  readonly meaning: string;
  readonly remedy: string;
}

export const errorTable = {
  // ── anywhere ──
  INTERNAL: {
    httpStatus: 500,
    kafka: 'UNKNOWN_SERVER_ERROR',
    retriable: false,
    meaning: 'A defect of Throughline.',
    remedy: 'Report it with the server log around this time; nothing acknowledged is lost.',
  },
  INVALID_ARGUMENT: {
    httpStatus: 400,
    kafka: 'INVALID_REQUEST',
    retriable: false,
    meaning: 'A value is missing, of the wrong type or out of its bounds.',
    remedy: 'Correct the value that the message names.',
  },
  NOT_BUILT_YET: {
    httpStatus: 501,
    retriable: false,
    meaning: 'A part of the contract that this version does not have.',
    remedy: 'See docs/reference/limits.md for what is there and what comes.',
  },
  CLOSED: {
    httpStatus: 503,
    // Whoever is told so looks for the leader anew; so with a partition that is sealed.
    kafka: 'NOT_LEADER_OR_FOLLOWER',
    retriable: true,
    meaning: 'The log, fold or server is stopping or has stopped.',
    remedy: 'Connect again once the server is up.',
  },
  CONFIG_INVALID: {
    httpStatus: 500,
    retriable: false,
    meaning: 'A flag, an environment variable or throughline.config.ts has a value that cannot be used.',
    remedy: 'Correct the setting that the message names; `throughline dev --help` lists them all.',
  },

  // ── log ──
  UNKNOWN_TOPIC: {
    httpStatus: 404,
    kafka: 'UNKNOWN_TOPIC_OR_PARTITION',
    retriable: false,
    meaning: 'No such topic or partition.',
    remedy: '`throughline topics` lists what there is; `throughline topics create NAME` makes one.',
  },
  UNKNOWN_GROUP: {
    httpStatus: 404,
    kafka: 'GROUP_ID_NOT_FOUND',
    retriable: false,
    meaning: 'No such consumer group.',
    remedy: '`throughline groups list` lists what there is.',
  },
  TOPIC_EXISTS: {
    httpStatus: 409,
    kafka: 'TOPIC_ALREADY_EXISTS',
    retriable: false,
    meaning: 'A topic of that name is there already.',
    remedy: 'Use it, or choose another name.',
  },
  TOPIC_PROTECTED: {
    httpStatus: 403,
    kafka: 'POLICY_VIOLATION',
    retriable: false,
    meaning:
      'A topic that something here relies on: it gets no more partitions and is not deleted while that runs. The message says what relies on it.',
    remedy:
      'Leave it as it is; if it must go, stop the server first, serve its log alone (`throughline broker --data-dir FOLDER/log`), and change it there.',
  },
  TOPIC_GROWN: {
    httpStatus: 409,
    retriable: false,
    meaning:
      'Somebody has added partitions to a topic whose streams are found by a hash over a fixed number of them. What is there is found and what is new is kept, in the partitions that there were; the added ones are not read.',
    remedy:
      'Nothing has to be done. Look for who adds partitions and for records that he put there; more partitions for streams need another topic.',
  },
  TOPIC_DELETED: {
    httpStatus: 503,
    retriable: true,
    meaning: 'The topic that conversations are kept in was deleted while the server runs; what was in it is gone.',
    remedy:
      'Make it again (`conversations`, 4 partitions, retention.ms=-1), which the server notices by itself, or restart the server, which makes it.',
  },
  INVALID_TOPIC: {
    httpStatus: 400,
    kafka: 'INVALID_TOPIC_EXCEPTION',
    retriable: false,
    meaning: 'A topic name that Kafka does not allow.',
    remedy: 'Use 1 to 249 letters, digits, dots, underscores and hyphens, and neither "." nor "..".',
  },
  INVALID_CONFIG: {
    httpStatus: 400,
    kafka: 'INVALID_CONFIG',
    retriable: false,
    meaning: 'A setting of a topic or of the broker has an unknown name or a value that it cannot have.',
    remedy: 'Correct the setting that the message names; docs/reference/kafka-settings.md lists them all.',
  },
  INVALID_PARTITIONS: {
    httpStatus: 400,
    kafka: 'INVALID_PARTITIONS',
    retriable: false,
    meaning: 'A number of partitions that a topic cannot have, or one that is not an increase.',
    remedy: 'Ask for more than the topic has; partitions are never taken away.',
  },
  OFFSET_OUT_OF_RANGE: {
    httpStatus: 416,
    kafka: 'OFFSET_OUT_OF_RANGE',
    retriable: false,
    meaning: 'The offset is before the first record kept, or beyond the end of the log.',
    remedy: 'Read from the log start offset or the high watermark that the error names.',
  },
  CORRUPT_RECORD: {
    httpStatus: 500,
    kafka: 'CORRUPT_MESSAGE',
    retriable: false,
    meaning: 'Stored bytes do not match their checksum.',
    remedy:
      'Run `throughline doctor`; the error says where reading goes on; restore the segment from a backup to have the rest.',
  },
  INVALID_RECORD: {
    httpStatus: 400,
    kafka: 'INVALID_RECORD',
    retriable: false,
    meaning: 'A record batch that breaks the format.',
    remedy: 'Correct the producer; the message says which rule is broken.',
  },
  INVALID_TIMESTAMP: {
    httpStatus: 400,
    kafka: 'INVALID_TIMESTAMP',
    retriable: false,
    meaning:
      'A record whose timestamp is further from now than the topic allows, or a batch that claims an append time.',
    remedy:
      "Correct the producer's clock, or change message.timestamp.before.max.ms or message.timestamp.after.max.ms of the topic.",
  },
  OUT_OF_ORDER_SEQUENCE_NUMBER: {
    httpStatus: 409,
    kafka: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
    retriable: false,
    meaning: 'A batch of an idempotent producer does not follow the last one that is kept; nothing of it is kept.',
    remedy:
      'Clients put it right by themselves: the batches before it are sent first, or the producer takes a new epoch.',
  },
  INVALID_PRODUCER_EPOCH: {
    httpStatus: 409,
    kafka: 'INVALID_PRODUCER_EPOCH',
    retriable: false,
    meaning: 'A newer instance of the same producer has written; nothing of this batch is kept.',
    remedy: 'Leave one instance per producer id; a producer without a transactional id takes a new epoch by itself.',
  },
  RECORD_TOO_LARGE: {
    httpStatus: 413,
    kafka: 'MESSAGE_TOO_LARGE',
    retriable: false,
    meaning: "A record batch above the topic's max.message.bytes.",
    remedy: 'Send smaller records; docs/reference/limits.md has the sizes.',
  },
  LOG_STALLED: {
    httpStatus: 503,
    retriable: true,
    meaning: 'Only in the log of the server: a partition has not come a step further for more than ten seconds.',
    remedy:
      'The line says what it waits for. A write or a sync is the disk: look at its latency and at the kernel log. Anything else for minutes is a defect: report it.',
  },
  OUT_OF_DISK: {
    httpStatus: 507,
    kafka: 'KAFKA_STORAGE_ERROR',
    retriable: true,
    meaning: 'The disk is full; the append was rejected and nothing of it is kept.',
    remedy: 'Free disk space; appends work again at once.',
  },
  PARTITION_OFFLINE: {
    httpStatus: 503,
    kafka: 'KAFKA_STORAGE_ERROR',
    retriable: false,
    meaning:
      'A write or fsync of this partition failed; it takes no appends until the server starts again. Reads go on.',
    remedy: 'Look at the disk (`throughline doctor`), then restart the server: it recovers what was acknowledged.',
  },
  LOG_UNREACHABLE: {
    httpStatus: 503,
    retriable: true,
    meaning: 'The Kafka cluster does not answer, or has nobody at the moment who can serve the partition.',
    remedy:
      'Check the address that the message names and that the cluster runs; a running server tries again by itself.',
  },
  LOG_REFUSED: {
    httpStatus: 502,
    retriable: false,
    meaning: 'The Kafka cluster rejected a request.',
    remedy: "The message has the cluster's own words; check its permissions and its version (2.8 or newer).",
  },
  LOG_DIVERGED: {
    httpStatus: 409,
    retriable: false,
    meaning:
      'The log has other records where some have been read before: an unclean leader election, a folder that was put back from a backup, or a power cut below durability fsync.',
    remedy:
      'What was made of those records has to be made again: a fold is replayed from the log; details.divergesAt is the first offset that differs.',
  },
  APPEND_CONDITION_FAILED: {
    httpStatus: 412,
    retriable: false,
    meaning: 'The end of the partition or its leader epoch is not what the append asks for; nothing of it is kept.',
    remedy: 'details.endOffset and details.leaderEpoch say what they are: read what has come, and decide anew.',
  },
  PARTITION_SEALED: {
    httpStatus: 409,
    kafka: 'NOT_LEADER_OR_FOLLOWER',
    retriable: false,
    meaning: 'The partition has been sealed and takes no appends, also after a restart.',
    remedy: 'Write to where the work has gone on; a larger leader epoch (admin.beginEpoch) opens the partition again.',
  },
  LEADER_EPOCH_FENCED: {
    httpStatus: 409,
    kafka: 'FENCED_LEADER_EPOCH',
    retriable: false,
    meaning: 'A leader epoch that is not larger than the one that there is, or batches of an older one.',
    remedy: 'Somebody else leads by now: take the epoch that the error names for the present one.',
  },
  LOG_CANNOT: {
    httpStatus: 501,
    retriable: false,
    meaning: 'A cluster of Apache Kafka has no way of doing this; the embedded log has.',
    remedy: 'See docs/reference/limits.md for what the adapters can do.',
  },
  GROUP_MEMBER_FENCED: {
    httpStatus: 409,
    kafka: 'FENCED_INSTANCE_ID',
    retriable: false,
    meaning: 'Another member of the group has joined under the same instance id: this one is out.',
    remedy: 'Give each member an instance id of its own, or none.',
  },
  MIGRATION_REFUSED: {
    httpStatus: 409,
    retriable: false,
    meaning:
      'Something stands in the way of a faithful copy of a log: offsets without records, or a target that has others.',
    remedy:
      'For offsets without records, `--gaps fill`. For a target that has other records, an empty one, or delete the topic there first: only a copy of this same source is carried on.',
  },
  MIGRATION_DIFFERS: {
    httpStatus: 500,
    retriable: false,
    meaning: 'A copy of a log has other records than its source.',
    remedy:
      'Somebody else has written to the target: delete the topic that the message names there, and migrate again.',
  },
  DATA_DIR_IN_USE: {
    httpStatus: 500,
    retriable: false,
    meaning: 'Another process uses this data folder.',
    remedy: 'Stop the process that the message names, or give --data-dir another folder.',
  },
  DATA_DIR_LOST: {
    httpStatus: 503,
    retriable: false,
    meaning:
      'The data folder was removed or replaced while the server runs, or its disk cannot be read or written any more.',
    remedy:
      'Look at the disk (`throughline doctor`), stop the server, put the folder back from a copy if you have one, and start again.',
  },
  DATA_DIR_NOT_LOCKABLE: {
    httpStatus: 500,
    retriable: false,
    meaning: 'The file system of the data folder gives no lock, which keeps a second process out.',
    remedy:
      'Put the data folder on a file system with locks (docs/operating/durability.md), and let this user write there.',
  },
  DATA_FORMAT_UNSUPPORTED: {
    httpStatus: 500,
    retriable: false,
    meaning:
      'The data folder was written by a newer version, is not a data folder, or is one of Apache Kafka with something in it that cannot be taken over.',
    remedy:
      'The message says what stands in the way: use the version that wrote it or a newer one, or give --data-dir another folder.',
  },

  // ── events and folds ──
  INVALID_EVENT: {
    httpStatus: 400,
    retriable: false,
    meaning: 'A record is no event of the type that it names.',
    remedy: 'Compare it with docs/PROTOCOL.md; folds skip it and count it.',
  },
  STORE_BUSY: {
    httpStatus: 503,
    retriable: true,
    meaning: "Another program (a viewer, a backup) holds the lock of a fold's file.",
    remedy: 'Close it, or end its transaction; the fold tries again by itself.',
  },
  FOLD_FENCED: {
    httpStatus: 409,
    retriable: false,
    meaning: "Another process has moved this fold's checkpoint: this one is a zombie and has stopped.",
    remedy: 'Leave one owner per fold; the other instance has the work.',
  },
  FOLD_CODE_CHANGED: {
    httpStatus: 409,
    retriable: false,
    meaning: 'The stored state was made by other code.',
    remedy:
      "Stop the server, remove the fold's file (gateway.sqlite, functions.sqlite or tables.duckdb) and start again.",
  },
  FOLD_LOG_CHANGED: {
    httpStatus: 409,
    retriable: false,
    meaning:
      'What was read is of another incarnation of the topic, or the log has other records under its offsets now.',
    remedy:
      "The topic was made again, or a cluster has lost records: remove the fold's file (as for FOLD_CODE_CHANGED) and start again.",
  },
  FOLD_BEHIND_LOG: {
    httpStatus: 409,
    retriable: false,
    meaning: 'Retention has removed records that this fold has not seen.',
    remedy: "Restore the data folder from a backup; or remove the fold's file and start again with what is left.",
  },
  FOLD_REDUCER_FAILED: {
    httpStatus: 500,
    retriable: false,
    meaning: 'A reducer threw on a record; the fold has stopped before it, and nothing of that batch is kept.',
    remedy: 'The message names the record: correct the reducer and start again.',
  },

  // ── functions and runs ──
  FUNCTION_ERROR: {
    httpStatus: 502,
    retriable: false,
    meaning: 'The handler threw.',
    remedy: 'The message and the invocation log say where; correct the function and try again.',
  },
  FUNCTION_INIT_FAILED: {
    httpStatus: 502,
    retriable: false,
    meaning: 'The function could not be loaded.',
    remedy: 'Correct the import or the handler name that the message shows.',
  },
  PYTHON_ENVIRONMENT_FAILED: {
    httpStatus: 502,
    retriable: false,
    meaning: 'The packages that a function in Python asks for could not be installed.',
    remedy: 'Correct the file that the message names, or see to the network; the next start tries again.',
  },
  FUNCTION_EXITED: {
    httpStatus: 502,
    retriable: true,
    meaning: "The function's process ended during the invocation more often than it is tried again.",
    remedy: 'Look at the invocation log; a handler must not call process.exit.',
  },
  FUNCTION_TIMED_OUT: {
    httpStatus: 504,
    retriable: false,
    meaning: 'The handler did not end within its time-out.',
    remedy: 'Raise timeoutMs of the function or make it end sooner.',
  },
  FUNCTION_OUT_OF_MEMORY: {
    httpStatus: 502,
    retriable: false,
    meaning: 'The function used more memory than memoryMb allows.',
    remedy: 'Raise memoryMb of the function or look for a leak.',
  },
  FUNCTION_OUTPUT_INVALID: {
    httpStatus: 502,
    retriable: false,
    meaning: 'What the handler wrote is no UI message stream.',
    remedy: 'Pipe toUIMessageStream() to the response stream as server-sent events.',
  },
  FUNCTION_INCOMPLETE: {
    httpStatus: 502,
    retriable: false,
    meaning: 'The handler returned without ending its stream with a finish, abort or error chunk.',
    remedy: 'Await the pipe to the response stream, and let it end the stream.',
  },
  INVOCATION_CANCELLED: {
    httpStatus: 499,
    retriable: true,
    meaning: 'The caller of a function stopped waiting before the handler came to its end.',
    remedy: 'Nothing needs to be done; call it again if the answer is still wanted.',
  },
  ENVIRONMENT_NOT_STARTED: {
    httpStatus: 503,
    retriable: true,
    meaning: 'The machine did not give a function what a process needs: a folder, memory, a process id, descriptors.',
    remedy: 'Free disk space, memory or processes; it is tried again every few seconds, and what waits is served then.',
  },
  UNKNOWN_FUNCTION: {
    httpStatus: 404,
    retriable: false,
    meaning: 'No function of that name is configured.',
    remedy: 'Add it to `functions` in throughline.config.ts.',
  },
  RUN_ABANDONED: {
    httpStatus: 500,
    retriable: true,
    meaning: 'The run was tried as often as it may and never came to its end.',
    remedy: 'Press Retry; if it happens again, look at the invocation log.',
  },
  THROTTLED: {
    httpStatus: 429,
    kafka: 'REQUEST_TIMED_OUT',
    retriable: true,
    meaning: 'More is waiting than the limit allows.',
    remedy: 'Try again after retryAfterMs.',
  },

  // ── models ──
  MODEL_UNREACHABLE: {
    httpStatus: 502,
    retriable: true,
    meaning: 'The model server does not answer.',
    remedy: 'Check --model-url and that the server runs.',
  },
  MODEL_REFUSED: {
    httpStatus: 502,
    retriable: false,
    meaning: 'The model server rejected the request.',
    remedy: "Check --model-id and THROUGHLINE_MODEL_KEY; the message has the server's own words.",
  },
  MODEL_TIMED_OUT: {
    httpStatus: 504,
    retriable: true,
    meaning: 'The model server was silent for too long.',
    remedy: 'Try again; raise THROUGHLINE_MODEL_TIMEOUT_MS for a slow model.',
  },
  MODEL_CUT: {
    httpStatus: 502,
    retriable: true,
    meaning: 'The model server ended its answer in mid-stream.',
    remedy: 'Press Retry; the text so far stays.',
  },
  MODEL_OUTPUT_INVALID: {
    httpStatus: 502,
    retriable: false,
    meaning: 'The model server sent something that is no answer of its protocol.',
    remedy: 'Check that --model-url is an OpenAI-compatible endpoint.',
  },
  DOCS_UNREADABLE: {
    httpStatus: 500,
    retriable: false,
    meaning: 'The documents folder is missing, cannot be read, or has no Markdown, text or HTML file.',
    remedy: 'Give --docs a folder with .md, .txt or .html files.',
  },

  // ── HTTP ──
  NOT_FOUND: {
    httpStatus: 404,
    retriable: false,
    meaning: 'Nothing is at that address.',
    remedy: 'Check the path; docs/PROTOCOL.md lists the endpoints.',
  },
  METHOD_NOT_ALLOWED: {
    httpStatus: 405,
    retriable: false,
    meaning: 'That address does not take this method.',
    remedy: 'Use a method that the Allow header names.',
  },
  MALFORMED_JSON: {
    httpStatus: 400,
    retriable: false,
    meaning: 'The body is not JSON.',
    remedy: 'Send one JSON value with content-type application/json.',
  },
  BODY_TOO_LARGE: {
    httpStatus: 413,
    retriable: false,
    meaning: 'The body is above the limit.',
    remedy: 'Send less; the error names the limit.',
  },
  UNKNOWN_CONVERSATION: {
    httpStatus: 404,
    retriable: false,
    meaning: 'No conversation of that id.',
    remedy: 'GET /v1/conversations lists them.',
  },
  UNKNOWN_TABLE: {
    httpStatus: 404,
    retriable: false,
    meaning: 'No table of that name.',
    remedy: 'GET /v1/tables lists them.',
  },
  SQL_INVALID: {
    httpStatus: 400,
    retriable: false,
    meaning: 'The statement cannot be run, or is not a read.',
    remedy: "Send one SELECT; the message has the engine's own words.",
  },
  CROSS_ORIGIN_REFUSED: {
    httpStatus: 403,
    retriable: false,
    meaning: 'A page of another origin, or a foreign host name, asked.',
    remedy: "Open the page at the server's own address, or allow the origin in the configuration.",
  },
  PORT_IN_USE: {
    httpStatus: 500,
    retriable: false,
    meaning: 'Another process listens on that port.',
    remedy: 'Stop it, or give --http-port or --kafka-port another number (0 takes a free one).',
  },
  SERVER_UNREACHABLE: {
    httpStatus: 503,
    retriable: true,
    meaning: 'The server cannot be reached, or does not answer in time.',
    remedy: 'It is tried again by itself; check the network, and that the server runs.',
  },
  SERVER_NOT_RUNNING: {
    httpStatus: 503,
    retriable: true,
    meaning: 'No server runs on this data folder.',
    remedy: 'Start one with `npm start`, or name its folder with --data-dir.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;
