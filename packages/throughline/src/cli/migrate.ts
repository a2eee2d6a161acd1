// `throughline migrate`
import { silentLogger, ThroughlineError } from '@throughline/event';
import { migrateProgressMs } from '../defaults.ts';
import { migrate, type Migrated, type MigrationProgress } from '../migrate/migrate.ts';
import { textOption, type Options } from './options.ts';
import { countText, printJson, printLine, printTable, say } from '../terminal/output.ts';

export async function run(options: Options): Promise<void> {
  const gaps = textOption(options, 'gaps') ?? 'reject';
  if (gaps !== 'reject' && gaps !== 'fill') {
    throw new ThroughlineError('INVALID_ARGUMENT', `--gaps: ${JSON.stringify(gaps)} is neither reject nor fill`);
  }
  const topics = textOption(options, 'topics')?.split(',');
  let toldMs = performance.now();
  const onProgress = ({ topic, copiedRecords, totalRecords }: MigrationProgress): void => {
    if (performance.now() - toldMs < migrateProgressMs) return;
    toldMs = performance.now();
    say(`${topic}: ${copiedRecords} of ${countText(totalRecords, 'record')}`);
  };
  const migrated = await migrate({
    from: required(options, 'from'),
    to: required(options, 'to'),
    ...(topics === undefined ? {} : { topics }),
    gaps,
    workingDir: process.cwd(),
    logger: silentLogger,
    onProgress,
  });
  if (options['json'] === true) return printJson(migrated);
  print(migrated);
}

function required(options: Options, name: string): string {
  const value = textOption(options, name);
  if (value !== undefined && value !== '') return value;
  throw new ThroughlineError('INVALID_ARGUMENT', `--${name} is missing: a data folder, or kafka://host:port`);
}

function print({ topics, groups }: Migrated): void {
  const rows = topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, startOffset, endOffset, records, copiedRecords, filledRecords, digest }) => [
      topic,
      String(partition),
      String(startOffset),
      String(endOffset),
      String(records),
      String(copiedRecords),
      String(filledRecords),
      digest.slice(0, 16),
    ]),
  );
  printTable([['topic', 'partition', 'start', 'end', 'records', 'copied now', 'filled', 'digest'], ...rows]);
  for (const { topic, settingsLeftOut } of topics) {
    if (settingsLeftOut.length > 0) say(`${topic}: the target does not take ${settingsLeftOut.join(', ')}`);
  }
  for (const { group, committed, kept, rejected } of groups) {
    const what = rejected ?? `${countText(committed, 'offset')} committed, ${kept} were there`;
    printLine(`group ${group}: ${what}`);
  }
  printLine('The copy has the records of its source: every digest is the same on both sides.');
}
