// What is said about a function, with the defaults filled in and every value checked.
import path from 'node:path';
import { number, object, parse, record, string, ThroughlineError } from '@throughline/event';
import { functionDefaults } from './defaults.ts';

export interface FunctionConfig {
  /** Name that `run-requested` has; letters, digits, "_" and "-", at most 64 (Lambda's rule). */
  readonly name: string;
  /** Absolute path of the module. */
  readonly entry: string;
  /** Export that is called; dots go into nested objects; the default export where there is none of that name. */
  readonly handler?: string;
  /** An invocation that takes longer is ended with FUNCTION_TIMED_OUT. */
  readonly timeoutMs?: number;
  /** A process that takes more is ended with FUNCTION_OUT_OF_MEMORY. */
  readonly memoryMb?: number;
  /** Processes that serve at once. */
  readonly environmentsMax?: number;
  /** Invocations that a process serves at once. */
  readonly invocationsPerEnvironment?: number;
  /** Processes that are kept ready ahead. */
  readonly spareCount?: number;
  /** An unused process is stopped after this long. */
  readonly idleMs?: number;
  /** Tries of one run. */
  readonly attemptsMax?: number;
  readonly leaseMs?: number;
  readonly chunkWindowMs?: number;
  readonly chunkBytesMax?: number;
  /** How long a cancelled handler may go on. */
  readonly stopGraceMs?: number;
  /** A process that several invocations share is killed when it is stuck for this long; they are tried again. */
  readonly unresponsiveMs?: number;
  /** How long a process may take to load the function. */
  readonly initTimeoutMs?: number;
  /** Environment variables; nothing but PATH, TZ and LANG is inherited. */
  readonly env?: Readonly<Record<string, string>>;
}
export type ResolvedFunction = Required<FunctionConfig>;

const whole = number({ min: 0, integer: true });
const positive = number({ min: 1, integer: true });
const schema = object({
  name: string({ pattern: /^[A-Za-z0-9_-]{1,64}$/, what: 'a name (letters, digits, "_", "-"; at most 64)' }),
  entry: string(),
  handler: string({ pattern: /^[A-Za-z_$][\w$.]*$/, what: 'the name of an export' }),
  timeoutMs: positive,
  memoryMb: number({ min: 64, integer: true }),
  environmentsMax: positive,
  invocationsPerEnvironment: positive,
  spareCount: whole,
  idleMs: positive,
  attemptsMax: positive,
  leaseMs: number({ min: 100, integer: true }),
  chunkWindowMs: whole,
  chunkBytesMax: positive,
  stopGraceMs: whole,
  unresponsiveMs: positive,
  initTimeoutMs: positive,
  env: record(string()),
});

/**
 * Fills in the defaults.
 *
 * @throws ThroughlineError CONFIG_INVALID with the name of the function and of the value
 */
export function resolveFunction(config: FunctionConfig): ResolvedFunction {
  const resolved = { ...functionDefaults, env: {}, ...config };
  const problem = schema.problem(resolved, '');
  if (problem !== undefined) throw new ThroughlineError('CONFIG_INVALID', `function ${config.name}: ${problem}`);
  if (!path.isAbsolute(config.entry)) {
    throw new ThroughlineError('CONFIG_INVALID', `function ${config.name}: entry: expected an absolute path`);
  }
  return parse(schema, resolved, 'CONFIG_INVALID');
}
