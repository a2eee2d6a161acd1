// `throughline status`
import * as z from 'zod';
import { connect } from './api-client.ts';
import { textOption } from './options.ts';
import { bytesText, printJson, printTable } from './output.ts';

const statusSchema = z.looseObject({
  version: z.string(),
  durability: z.unknown().optional(),
  topics: z.array(
    z.looseObject({
      topic: z.string(),
      partitions: z.array(z.looseObject({ highWatermark: z.string(), bytes: z.number(), isOnline: z.boolean() })),
    }),
  ),
  functions: z.array(
    z.looseObject({
      name: z.string(),
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
  folds: z.array(
    z.looseObject({
      name: z.string(),
      phase: z.string(),
      lagRecords: z.number(),
      skippedRecords: z.number(),
      lastError: z.unknown().optional(),
    }),
  ),
});
export type Status = z.infer<typeof statusSchema>;

export async function run(options: Record<string, unknown>): Promise<void> {
  const api = connect(textOption(options, 'dataDir'));
  const status = await api.json(statusSchema, '/v1/status');
  if (options['json'] === true) return printJson(status);
  process.stdout.write(`throughline ${status.version}  pid ${api.server.pid}  ${api.server.http}/\n\n`);
  printTable([
    ['topic', 'partitions', 'records', 'size', 'state'],
    ...status.topics.map(({ topic, partitions }) => [
      topic,
      String(partitions.length),
      String(partitions.reduce((sum, partition) => sum + BigInt(partition.highWatermark), 0n)),
      bytesText(partitions.reduce((sum, partition) => sum + partition.bytes, 0)),
      partitions.every((partition) => partition.isOnline) ? 'online' : 'partly offline',
    ]),
  ]);
  process.stdout.write('\n');
  printTable([
    ['function', 'environment', 'pid', 'state', 'invocations', 'memory'],
    ...status.functions.flatMap(({ name, environments }) =>
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
  process.stdout.write('\n');
  printTable([
    ['fold', 'phase', 'lag', 'skipped'],
    ...status.folds.map((fold) => [fold.name, fold.phase, String(fold.lagRecords), String(fold.skippedRecords)]),
  ]);
}

/** The status of a running server, for other commands. */
export function fetchStatus(dataDir: string | undefined): Promise<Status> {
  return connect(dataDir).json(statusSchema, '/v1/status');
}
