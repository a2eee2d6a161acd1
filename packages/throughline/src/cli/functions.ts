// `throughline functions [list | describe NAME | invocations NAME | logs NAME]`: the functions of a server, their processes, what
// they have done, and what calls them.
import { ThroughlineError } from '@throughline/event';
import * as z from 'zod';
import { bytesText, printJson, printLine, printTable } from '../terminal/output.ts';
import { connect, type ApiClient } from './api-client.ts';
import { printInvocations } from './invocations.ts';
import { run as printLogs } from './logs.ts';
import { dataDirOption, type Options } from './options.ts';

const problemSchema = z.looseObject({ code: z.string(), message: z.string() });
const functionSchema = z.looseObject({
  name: z.string(),
  queued: z.int(),
  running: z.int(),
  environments: z.array(
    z.looseObject({
      id: z.string(),
      pid: z.int(),
      state: z.string(),
      invocations: z.int(),
      residentBytes: z.number().optional(),
    }),
  ),
  totals: z.looseObject({ invocations: z.int(), cold: z.int(), errors: z.int(), billedMs: z.number() }),
  limits: z.looseObject({
    timeoutMs: z.number(),
    memoryMb: z.number(),
    environmentsMax: z.int(),
    reservedConcurrency: z.int().optional(),
    provisionedConcurrency: z.int(),
  }),
  triggers: z.array(z.looseObject({ type: z.string(), source: z.string(), problem: problemSchema.optional() })),
  initError: problemSchema.optional(),
  updateError: problemSchema.optional(),
  startError: problemSchema.optional(),
});
type DescribedFunction = z.infer<typeof functionSchema>;

export async function run(options: Options, [action = 'list', name]: readonly string[]): Promise<void> {
  if (!['list', 'describe', 'invocations', 'logs'].includes(action)) {
    const message = `functions ${action}: expected list, describe, invocations or logs`;
    throw new ThroughlineError('INVALID_ARGUMENT', message);
  }
  if (action !== 'list' && name === undefined)
    throw new ThroughlineError('INVALID_ARGUMENT', `functions ${action}: which function?`);
  if (action === 'logs') return printLogs(options, [name!]);
  if (action === 'invocations') return printInvocations(options, name!);
  const api = connect(dataDirOption(options));
  const isJson = options['json'] === true;
  if (action === 'list' || name === undefined) return list(api, isJson);
  return describe(api, name, isJson);
}

async function list(api: ApiClient, isJson: boolean): Promise<void> {
  const { functions } = await api.json(z.object({ functions: z.array(functionSchema) }), '/v1/functions');
  if (isJson) return printJson(functions);
  printTable([
    ['function', 'processes', 'running', 'queued', 'invocations', 'errors', 'triggers', 'problem'],
    ...functions.map((one) => [
      one.name,
      String(one.environments.length),
      String(one.running),
      String(one.queued),
      String(one.totals.invocations),
      String(one.totals.errors),
      one.triggers.map(({ type }) => type).join(' '),
      problemsOf(one)[0]?.code ?? '',
    ]),
  ]);
}

async function describe(api: ApiClient, name: string, isJson: boolean): Promise<void> {
  const found = await api.json(functionSchema, `/v1/functions/${encodeURIComponent(name)}`);
  if (isJson) return printJson(found);
  const { totals, limits, running, queued } = found;
  printLine(
    `${found.name}  ${limits.memoryMb} MB  time-out ${limits.timeoutMs} ms  at most ${limits.environmentsMax} processes`,
  );
  printLine(
    `${totals.invocations} invocations (${totals.cold} cold, ${totals.errors} failed), ${totals.billedMs} ms billed, ${running} running, ${queued} queued`,
  );
  const { reservedConcurrency: reserved, provisionedConcurrency: provisioned } = limits;
  if (reserved !== undefined || provisioned > 0) {
    printLine(`reserved concurrency ${reserved ?? 'none'}, provisioned ${provisioned === 0 ? 'none' : provisioned}`);
  }
  for (const { code, message } of problemsOf(found)) printLine(`${message} [${code}]`);
  if (found.environments.length > 0) {
    printLine('');
    printTable([
      ['environment', 'pid', 'state', 'invocations', 'memory'],
      ...found.environments.map(({ id, pid, state, invocations, residentBytes }) => [
        id,
        String(pid),
        state,
        String(invocations),
        residentBytes === undefined ? '' : bytesText(residentBytes),
      ]),
    ]);
  }
  if (found.triggers.length === 0) return;
  printLine('');
  printTable([
    ['trigger', 'source', 'problem'],
    ...found.triggers.map(({ type, source, problem }) => [
      type,
      source,
      problem === undefined ? '' : `${problem.message} [${problem.code}]`,
    ]),
  ]);
}

function problemsOf({ initError, updateError, startError }: DescribedFunction): { code: string; message: string }[] {
  return [initError, updateError, startError].filter((problem) => problem !== undefined);
}
