// `throughline status`
import * as z from 'zod';
import { connect } from './api-client.ts';
import { dataDirOption, type Options } from './options.ts';
import { bytesText, countText, printJson, printLine, printTable } from '../terminal/output.ts';

const statusSchema = z.looseObject({
  version: z.string(),
  durability: z.string(),
  topics: z.array(
    z.looseObject({
      topic: z.string(),
      partitions: z.array(
        z.looseObject({
          logStartOffset: z.string(),
          highWatermark: z.string(),
          bytes: z.number(),
          isOnline: z.boolean(),
        }),
      ),
    }),
  ),
  functions: z.array(
    z.looseObject({
      name: z.string(),
      queued: z.int(),
      running: z.int(),
      /** The partitions whose runs are started by this server, where others share the work. */
      partitions: z.array(z.int()).optional(),
      /** Its group has not said yet what this server has of them, or that is still being read. */
      isJoining: z.boolean().optional(),
      /** Why it cannot be loaded. */
      initError: z.looseObject({ code: z.string(), message: z.string() }).optional(),
      /** Why no process can be started, while none can. */
      startError: z.looseObject({ code: z.string(), message: z.string() }).optional(),
      environments: z.array(
        z.looseObject({
          id: z.string(),
          pid: z.int(),
          state: z.string(),
          invocations: z.int(),
          residentBytes: z.number().optional(),
        }),
      ),
    }),
  ),
  /** What calls functions by itself. */
  triggers: z
    .array(
      z.looseObject({
        type: z.string(),
        functionName: z.string(),
        source: z.string(),
        /** Why it hands on nothing at the moment. */
        problem: z.looseObject({ code: z.string(), message: z.string() }).optional(),
      }),
    )
    .optional(),
  folds: z.array(
    z.looseObject({
      name: z.string(),
      phase: z.string(),
      lagRecords: z.number(),
      skippedRecords: z.number(),
      lastError: z.looseObject({ code: z.string(), message: z.string() }).optional(),
    }),
  ),
  /** What is not as it should be and keeps nobody from working. */
  warnings: z.array(z.looseObject({ code: z.string(), message: z.string(), remedy: z.string() })).optional(),
});
export type Status = z.infer<typeof statusSchema>;

export async function run(options: Options): Promise<void> {
  const api = connect(dataDirOption(options));
  const status = await api.json(statusSchema, '/v1/status');
  if (options['json'] === true) return printJson(status);
  const { pid, http, log } = api.server;
  printLine(`throughline ${status.version}  pid ${pid}  ${http}/  log ${log}  durability ${status.durability}`);
  printLine('');
  printTopics(status);
  printLine('');
  printFunctions(status);
  printLine('');
  printTriggers(status);
  printFolds(status);
  for (const { code, message, remedy } of status.warnings ?? []) printLine(`\n${message} [${code}] ${remedy}`);
}

function printTopics({ topics }: Status): void {
  printTable([
    ['topic', 'partitions', 'records', 'size', 'state'],
    ...topics.map(({ topic, partitions }) => [
      topic,
      String(partitions.length),
      String(
        partitions.reduce(
          (sum, { logStartOffset, highWatermark }) => sum + BigInt(highWatermark) - BigInt(logStartOffset),
          0n,
        ),
      ),
      bytesText(partitions.reduce((sum, partition) => sum + partition.bytes, 0)),
      partitions.every((partition) => partition.isOnline) ? 'online' : 'partly offline',
    ]),
  ]);
}

function printFunctions({ functions }: Status): void {
  printTable([
    ['function', 'environment', 'pid', 'state', 'invocations', 'memory'],
    ...functions.flatMap(({ name, environments }) =>
      environments.map((environment) => [
        name,
        environment.id,
        String(environment.pid),
        environment.state,
        String(environment.invocations),
        environment.residentBytes === undefined ? '' : bytesText(environment.residentBytes),
      ]),
    ),
  ]);
  for (const { name, queued, initError, startError, ...shared } of functions) {
    const started = startedText(shared);
    if (started !== undefined) printLine(`${name}: ${started}`);
    if (queued > 0) printLine(`${name}: ${countText(queued, 'run waits', 'runs wait')} for a free environment`);
    for (const problem of [initError, startError])
      if (problem !== undefined) printLine(`${name}: ${problem.message} [${problem.code}]`);
  }
}

function printTriggers({ triggers = [] }: Status): void {
  if (triggers.length === 0) return;
  printTable([
    ['trigger', 'source', 'function', 'state'],
    ...triggers.map(({ type, source, functionName, problem }) => [
      type,
      source,
      functionName,
      problem === undefined ? 'ok' : `${problem.message} [${problem.code}]`,
    ]),
  ]);
  printLine('');
}

function printFolds({ folds }: Status): void {
  printTable([
    ['fold', 'phase', 'lag', 'skipped'],
    ...folds.map((fold) => [fold.name, fold.phase, String(fold.lagRecords), String(fold.skippedRecords)]),
  ]);
  for (const { name, lastError } of folds)
    if (lastError !== undefined) printLine(`${name}: ${lastError.message} [${lastError.code}]`);
}

/** What a server that shares the runs of a function with others starts of them; undefined for one that shares nothing. */
export function startedText({
  partitions,
  isJoining,
}: Pick<Status['functions'][number], 'partitions' | 'isJoining'>): string | undefined {
  if (partitions === undefined) return undefined;
  if (partitions.length > 0) return `its runs of partitions ${partitions.join(', ')} are started here`;
  return isJoining === true ? 'the group that shares out its runs is being joined' : 'others start its runs';
}

/** The status of a running server, for other commands. */
export function fetchStatus(dataDir: string): Promise<Status> {
  return connect(dataDir).json(statusSchema, '/v1/status');
}
