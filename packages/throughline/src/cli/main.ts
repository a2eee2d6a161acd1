// The command line. Each verb is a file of its own, loaded only when it is called, so that `--help` is quick.
import { Command } from 'commander';
import { optimiseFromNowOn } from '../engine-flags.ts';
import { version } from '../version.ts';
import { notBuilt, rejectNotBuilt } from './not-built.ts';
import type { Options } from './options.ts';
import { fail, linesOf, printLines, sayLines } from '../terminal/output.ts';

const program = new Command('throughline')
  .description('The event backbone of an AI application: one log, and everything else a fold over it.')
  .version(version, '--version')
  .configureOutput({ writeOut: (text) => printLines(linesOf(text)), writeErr: sayLines })
  .showHelpAfterError('`throughline --help` lists the commands, `throughline COMMAND --help` their options.');

type Run = (options: Options, positionals: readonly string[]) => Promise<void>;

/** A verb: its options are common ones, its own, and --json. */
function verb(usage: string, description: string, load: () => Promise<{ run: Run }>): Command {
  return program
    .command(usage)
    .description(description)
    .option('--json', 'print JSON for programs')
    .action(async (...received: unknown[]) => {
      const command = received.at(-1) as Command;
      const options: Options = command.opts();
      const positionals = received
        .slice(0, -2)
        .flat()
        .filter((value): value is string => typeof value === 'string');
      // Waits of ours do not keep a process: one that had only those left would end in the middle, and with success.
      const alive = setInterval(() => {}, 2 ** 30);
      try {
        const { run } = await load();
        optimiseFromNowOn();
        await run(options, positionals);
      } catch (error) {
        fail(error, options['json'] === true);
      } finally {
        clearInterval(alive);
      }
    });
}

/** A verb that looks for the server of a data folder. */
function serverVerb(usage: string, description: string, load: () => Promise<{ run: Run }>): Command {
  return verb(usage, description, load).option(
    '--data-dir <folder>',
    'data folder of the server, or THROUGHLINE_DATA_DIR (default .throughline)',
  );
}

/** A verb that works with any Kafka, and without an address with the server of a data folder. */
function topicVerb(usage: string, description: string, load: () => Promise<{ run: Run }>): Command {
  return serverVerb(usage, description, load).option(
    '--bootstrap <address>',
    'a Kafka cluster, host:port, instead of the server of a data folder',
  );
}

verb(
  'dev [folder]',
  'start log, gateway, functions, pipelines and page for the application in a folder, or for a SAM template',
  () => import('./dev.ts'),
)
  .option('--http-port <port>', 'port of the page and the HTTP interface; 0 takes a free one (default 4437)')
  .option('--kafka-port <port>', 'port of the Kafka protocol; 0 takes a free one (default 9092)')
  .option('--host <address>', 'address to listen on; loopback only (default 127.0.0.1)')
  .option('--data-dir <folder>', 'folder of all state (default .throughline)')
  .option('--docs <folder>', 'folder of Markdown, text or HTML that the docs model answers from')
  .option('--model <name>', 'docs or openai-compatible (default docs)')
  .option('--model-url <url>', 'address of an OpenAI-compatible server; its key in THROUGHLINE_MODEL_KEY')
  .option('--model-id <id>', 'model name at that server')
  .option('--log <log>', 'embedded, or kafka://host:port of a cluster (default embedded)')
  .option('--long-poll-ms <ms>', 'longest wait of a long-poll read in milliseconds (default 30000)')
  .option('--durability <level>', 'what an acknowledged prompt survives: memory, os (kill -9) or fsync (default fsync)')
  .option('--parameter-overrides <name=value...>', 'values for the parameters of a SAM template')
  .option('--no-restart', 'do not start again after a crash that the page asked for');
verb('broker', 'serve the log alone on its Kafka port, to any Kafka client', () => import('./broker.ts'))
  .option('--kafka-port <port>', 'port of the Kafka protocol; 0 takes a free one (default 9092)')
  .option('--host <address>', 'address to listen on; loopback only (default 127.0.0.1)')
  .option('--data-dir <folder>', 'data folder; the log is in its folder log, where dev has it (default .throughline)')
  .option('--memory', 'keep nothing: the log is gone with the process')
  .option('--nodes <count>', 'virtual nodes, on ports one after the other (default 1)')
  .option('--set <name=value...>', 'settings of the broker by the names of Kafka: --set num.partitions=4')
  .option('--advertised-host <host>', 'what clients are told to connect to, where that is another')
  .option('--advertised-port <port>', 'the same for the port of the first node');
serverVerb('status', 'what runs: topics, functions and their processes, folds', () => import('./status.ts'));
serverVerb(
  'functions [action] [function]',
  'functions, what calls them and what they did: list (the default) | describe NAME | invocations NAME | logs NAME',
  () => import('./functions.ts'),
)
  .option('--limit <count>', 'invocations, logs: only the last ones (default 20, and 200 lines)')
  .option('--follow', 'logs: go on with new lines until interrupted');
serverVerb(
  'doctor',
  'check the machine, the data folder and the running server, and say what to do',
  () => import('./doctor.ts'),
);
topicVerb(
  'topics [action] [topic]',
  'list topics; make, describe or delete one: list (the default) | create TOPIC | describe TOPIC | delete TOPIC',
  () => import('./topics.ts'),
)
  .option('--partitions <count>', 'create: number of partitions (default what the broker says, num.partitions)')
  .option('--config <name=value...>', 'create: settings by the names of Kafka: --config retention.ms=-1')
  .option('--yes', 'delete: do it, with all records of the topic');
topicVerb('consume <topic>', 'print records of a topic', () => import('./consume.ts'))
  .option('--partition <number>', 'one partition only')
  .option('--offset <offset>', 'from earliest, latest or, with --partition, a number (default earliest)')
  .option('--time <when>', 'from this time: ISO 8601 (UTC without a zone) or milliseconds since 1970')
  .option('--follow', 'go on with new records until interrupted')
  .option('--limit <count>', 'stop after this many records (default 1000, with --follow none)');
topicVerb(
  'produce <topic> [value]',
  'append a record; without a value, one per line of standard input',
  () => import('./produce.ts'),
)
  .option('--key <key>', 'key of the records; without it they have none (null)')
  .option('--null-key', 'no key (null), which is also the default')
  .option('--null-value', 'one record whose value is null: the tombstone of its key on a compacted topic')
  .option('--partition <number>', 'partition; by the hash of the key otherwise')
  .option('--header <name=value...>', 'headers');
topicVerb(
  'groups <action> [group]',
  'list groups; describe, delete or reset one: list | describe GROUP | delete GROUP | reset GROUP',
  () => import('./groups.ts'),
)
  .option('--topics <names>', 'reset: these topics only, with commas (default all that the group has committed)')
  .option('--partition <number>', 'reset: one partition only, of one topic')
  .option('--to-earliest', 'reset to the first record kept')
  .option('--to-latest', 'reset to the end: only what comes from now on')
  .option('--to-offset <offset>', 'reset to this offset')
  .option(
    '--to-time <when>',
    'reset to the first record from this time on: ISO 8601 (UTC without a zone) or milliseconds since 1970',
  )
  .option('--shift-by <count>', 'reset this many records forward, or back with a minus: --shift-by=-10')
  .option('--execute', 'do it; without it a reset only shows what it would do');
serverVerb('invoke <function>', 'call a function and print what it returns', () => import('./invoke.ts'))
  .option('--payload <json>', 'its event (default {})')
  .option('--file <file>', 'a file that has the event; - is standard input')
  .option('--log', 'print the end of its log, too')
  .option('--async', 'do not wait for it: print its request id once the event is kept');
topicVerb(
  'redrive <topic>',
  'bring dead letters back to where they came from, each at most once; run again to go on',
  () => import('./redrive.ts'),
)
  .option('--to <topic>', 'to this topic instead')
  .option('--where <header=value...>', 'only letters with this header: error-code=FUNCTION_TIMED_OUT, function=NAME')
  .option('--rate <count>', 'letters a second at most (1 to 1000; default as fast as it goes)')
  .option('--dry-run', 'only print what would be sent');
serverVerb('sql <statement>', 'query the tables that pipelines keep', () => import('./sql.ts'));
serverVerb('logs [function]', 'print what functions log, and warnings of the server', () => import('./logs.ts'))
  .option('--limit <count>', 'only the last lines (default 200)')
  .option('--follow', 'go on with new lines until interrupted');
serverVerb(
  'python [arguments...]',
  "run the Python of an application's environment, with throughline importable: python -- ARGUMENTS",
  () => import('./python.ts'),
).option('--app <folder>', 'folder of the application (default the working directory)');
verb(
  'migrate',
  'copy a log to another place: topics, records with their offsets, committed offsets of groups; run again to go on',
  () => import('./migrate.ts'),
)
  .option('--from <log>', 'data folder of a server that is stopped, or kafka://host:port')
  .option('--to <log>', 'the same: empty of these topics, or an earlier copy of them, which is carried on')
  .option('--topics <names>', 'these topics only, with commas (default all)')
  .option(
    '--gaps <way>',
    'offsets without a record (markers of transactions, compacted keys, damage): reject, or fill their places (default reject)',
  );
verb('version', 'versions of Throughline and of Node', () => import('./version.ts'));
for (const [name, why] of Object.entries(notBuilt)) {
  verb(name, `not built yet: ${why}`, async () => ({ run: async () => rejectNotBuilt(name) }))
    .allowUnknownOption()
    .allowExcessArguments();
}

// `throughline consume … | head -1`: whoever reads has had enough, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
await program.parseAsync();
