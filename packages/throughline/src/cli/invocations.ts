// `throughline functions invocations NAME`: the last invocations of a function, a line each, from server.log of the data folder. It
// needs no running server.
import * as z from 'zod';
import * as defaults from '../defaults.ts';
import { bytesText, printJson, printTable } from '../terminal/output.ts';
import { lastLines } from './logs.ts';
import { countOption, type Options } from './options.ts';

/** The line that the server writes for each invocation that has ended. */
const endedSchema = z.object({
  msg: z.literal('invocation ended'),
  time: z.string(),
  function: z.string(),
  requestId: z.string(),
  durationMs: z.number(),
  billedMs: z.number(),
  isCold: z.boolean(),
  isError: z.boolean(),
  memoryBytesMax: z.number(),
});
type Ended = z.infer<typeof endedSchema>;

export function printInvocations(options: Options, name: string): void {
  const limit = countOption(options, 'limit') ?? defaults.invocationsListedMax;
  const lines = lastLines(options, (line) => ended(line)?.function === name, limit);
  const all = lines.flatMap((line) => ended(line) ?? []);
  if (options['json'] === true) {
    return printJson(
      all.map((one) => {
        const { msg: _, ...invocation } = one;
        return invocation;
      }),
    );
  }
  printTable([
    ['ended', 'request id', 'duration', 'billed', 'start', 'memory', 'outcome'],
    ...all.map((one) => [
      one.time,
      one.requestId,
      `${one.durationMs.toFixed(2)} ms`,
      `${one.billedMs} ms`,
      one.isCold ? 'cold' : 'warm',
      bytesText(one.memoryBytesMax),
      one.isError ? 'failed' : 'ok',
    ]),
  ]);
}

function ended(line: string): Ended | undefined {
  // Most lines are others: they are not parsed.
  if (!line.includes('invocation ended')) return undefined;
  try {
    return endedSchema.safeParse(JSON.parse(line)).data;
  } catch {
    // The tail of a file may begin in the middle of a line.
    return undefined;
  }
}
