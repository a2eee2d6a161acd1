// The command line. Each verb is a file of its own, loaded only when it is called, so that `--help` is quick.
import { Command } from 'commander';
import { version } from '../version.ts';
import { fail } from './output.ts';

const program = new Command('throughline')
  .description('The event backbone of an AI application: one log, and everything else a fold over it.')
  .version(version, '--version')
  .showHelpAfterError('Try --help after the command.')
  .configureHelp({ showGlobalOptions: true });

type Action = (options: Record<string, unknown>, positionals: string[]) => Promise<void>;

/** A verb: its options are common ones, its own, and --json. */
function verb(usage: string, description: string, load: () => Promise<{ run: Action }>): Command {
  return program
    .command(usage)
    .description(description)
    .option('--json', 'print JSON for programs')
    .action(async (...received: unknown[]) => {
      const command = received.at(-1) as Command;
      const options = command.optsWithGlobals<Record<string, unknown>>();
      const positionals = received.slice(0, -2).filter((value): value is string => typeof value === 'string');
      try {
        await (await load()).run(options, positionals);
      } catch (error) {
        fail(error, options['json'] === true);
      }
    });
}
const withDataDir = (command: Command): Command =>
  command.option('--data-dir <folder>', 'data folder of the running server (default .throughline)');

verb(
  'dev [folder]',
  'start log, gateway, functions, pipelines and page for the application in a folder',
  () => import('./dev.ts'),
)
  .option('--http-port <port>', 'port of the page and the HTTP interface; 0 takes a free one (default 4437)')
  .option('--kafka-port <port>', 'port of the Kafka protocol; not served by this version (default 9092)')
  .option('--host <address>', 'address to listen on; loopback only (default 127.0.0.1)')
  .option('--data-dir <folder>', 'folder of all state (default .throughline)')
  .option('--docs <folder>', 'folder of Markdown, text or HTML that the docs model answers from')
  .option('--model <name>', 'docs or openai-compatible (default docs)')
  .option('--model-url <url>', 'address of an OpenAI-compatible server; its key in THROUGHLINE_MODEL_KEY')
  .option('--model-id <id>', 'model name at that server')
  .option('--log <log>', 'embedded; kafka://host:port comes later (default embedded)')
  .option('--long-poll-ms <ms>', 'longest wait of a long-poll read in milliseconds (default 30000)')
  .option('--durability <level>', 'what an acknowledged prompt survives: memory, os (kill -9) or fsync (default fsync)')
  .option('--no-restart', 'do not start again after a crash that the page asked for');
withDataDir(
  verb('status', 'what runs: topics, functions and their processes, folds, durability', () => import('./status.ts')),
);
withDataDir(
  verb(
    'doctor',
    'check the machine, the data folder and the running server, and say what to do',
    () => import('./doctor.ts'),
  ),
);
withDataDir(verb('topics', 'list topics with partitions, offsets and sizes', () => import('./topics.ts')));
withDataDir(verb('consume <topic>', 'print records of a topic', () => import('./consume.ts')))
  .option('--partition <number>', 'one partition only')
  .option('--offset <offset>', 'from this offset, or earliest or latest (default earliest)')
  .option('--time <when>', 'from this time: ISO 8601 or milliseconds since 1970')
  .option('--follow', 'go on with new records until interrupted')
  .option('--limit <count>', 'stop after this many records');
withDataDir(
  verb(
    'produce <topic> [value]',
    'append a record; without a value, one per line of standard input',
    () => import('./produce.ts'),
  ),
)
  .option('--key <key>', 'key of the records')
  .option('--partition <number>', 'partition; by the hash of the key otherwise')
  .option('--header <name=value...>', 'headers');
withDataDir(verb('sql <statement>', 'query the tables that pipelines keep', () => import('./sql.ts')));
verb('version', 'versions of Throughline and of Node', () => import('./version.ts'));

await program.parseAsync();
