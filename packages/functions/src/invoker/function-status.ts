// What `GET /v1/status` says about a function (docs/PROTOCOL.md §6).
import type { ErrorCode } from '@throughline/event';
import type { EnvironmentPool, EnvironmentStatus } from './environment-pool.ts';
import type { InvokerConfig } from './invoker-config.ts';
import type { InvocationTotals } from './metering.ts';

export interface FunctionStatus {
  readonly name: string;
  readonly environments: readonly EnvironmentStatus[];
  /** Invocations that wait for a free environment, and that have one. */
  readonly queued: number;
  readonly running: number;
  /** Since the start of the supervisor. */
  readonly totals: Readonly<InvocationTotals>;
  readonly limits: {
    readonly timeoutMs: number;
    readonly memoryMb: number;
    readonly environmentsMax: number;
    readonly invocationsPerEnvironment: number;
    /** What is in force: the configuration says it, or whoever has set it since. */
    readonly reservedConcurrency?: number;
    readonly provisionedConcurrency: number;
  };
  /** The invocation that ended last, with its log lines. */
  readonly lastInvocation?: {
    readonly requestId: string;
    readonly durationMs: number;
    readonly billedMs: number;
    readonly isCold: boolean;
    readonly isError: boolean;
    readonly memoryBytesMax: number;
    readonly logLines: readonly string[];
  };
  /** Why the function cannot be loaded, while it cannot. */
  readonly initError?: { readonly code: ErrorCode; readonly message: string };
  /** Why its changed sources cannot be loaded, while what was loaded before serves on. */
  readonly updateError?: { readonly code: ErrorCode; readonly message: string };
  /** Why no process can be started, while none can: the machine lacks something, and is asked again. */
  readonly startError?: { readonly code: 'ENVIRONMENT_NOT_STARTED'; readonly message: string };
}

export function statusOf(
  config: InvokerConfig,
  pool: EnvironmentPool,
  counts: { readonly queued: number; readonly running: number },
): FunctionStatus {
  const { timeoutMs, memoryMb, environmentsMax, invocationsPerEnvironment } = config;
  const { reservedConcurrency, provisionedConcurrency } = config;
  const { initError, updateError, lastReport, startError } = pool;
  return {
    name: config.name,
    environments: pool.status(),
    ...counts,
    totals: { ...pool.totals },
    limits: {
      timeoutMs,
      memoryMb,
      environmentsMax,
      invocationsPerEnvironment,
      ...(reservedConcurrency === undefined ? {} : { reservedConcurrency }),
      provisionedConcurrency,
    },
    ...(lastReport === undefined ? {} : { lastInvocation: lastReport }),
    ...(config.problem === undefined ? {} : { initError: config.problem }),
    ...(initError === undefined
      ? {}
      : {
          initError: { code: 'FUNCTION_INIT_FAILED', message: `${initError.errorType}: ${initError.errorMessage}` },
        }),
    ...(updateError === undefined
      ? {}
      : {
          updateError: {
            code: 'FUNCTION_INIT_FAILED',
            message: `${updateError.errorType}: ${updateError.errorMessage}`,
          },
        }),
    ...(startError === undefined ? {} : { startError: { code: 'ENVIRONMENT_NOT_STARTED', message: startError } }),
  };
}
