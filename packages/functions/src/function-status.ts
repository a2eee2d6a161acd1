// What `GET /v1/status` says about a function (docs/PROTOCOL.md §6).
import type { EnvironmentPool, EnvironmentStatus } from './environment-pool.ts';
import type { ResolvedFunction } from './function-config.ts';
import type { InvocationTotals } from './metering.ts';

export interface FunctionStatus {
  readonly name: string;
  readonly environments: readonly EnvironmentStatus[];
  /** Runs that wait for a free environment, and runs that have one. */
  readonly queued: number;
  readonly running: number;
  /** Since the start of the supervisor. */
  readonly totals: Readonly<InvocationTotals>;
  readonly limits: {
    readonly timeoutMs: number;
    readonly memoryMb: number;
    readonly environmentsMax: number;
    readonly invocationsPerEnvironment: number;
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
  readonly initError?: { readonly code: 'FUNCTION_INIT_FAILED'; readonly message: string };
}

export function statusOf(
  config: ResolvedFunction,
  pool: EnvironmentPool,
  runs: { readonly queued: number; readonly running: number },
): FunctionStatus {
  const { timeoutMs, memoryMb, environmentsMax, invocationsPerEnvironment } = config;
  const { initError, lastReport } = pool;
  return {
    name: config.name,
    environments: pool.status(),
    ...runs,
    totals: { ...pool.totals },
    limits: { timeoutMs, memoryMb, environmentsMax, invocationsPerEnvironment },
    ...(lastReport === undefined ? {} : { lastInvocation: lastReport }),
    ...(initError === undefined
      ? {}
      : {
          initError: { code: 'FUNCTION_INIT_FAILED', message: `${initError.errorType}: ${initError.errorMessage}` },
        }),
  };
}
