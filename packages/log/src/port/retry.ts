// Trying again while the cluster is away or changes its mind about who leads: exponential, with jitter, until a budget of
// time is spent. What is not LOG_UNREACHABLE is thrown at once.
import { delay, type Clock, type Logger, type Random } from '@throughline/event';
import { isPassing } from './failures.ts';

export interface RetryContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** First and longest pause, in milliseconds. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

/** How long to wait before try `attempt` (from 1). */
export function retryPauseMs({ random, retryMinMs, retryMaxMs }: RetryContext, attempt: number): number {
  const pauseMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(attempt - 1, 20));
  // Between half and the whole of it, so that clients that were cut together do not come back together.
  return pauseMs * (0.5 + random.float() / 2);
}

/**
 * Calls `act` until it succeeds, fails for good, or `budgetMs` has passed; then throws its last error.
 *
 * @param what said in the log once it does not work at the first try
 */
export async function retrying<Result>(
  context: RetryContext,
  { what, budgetMs, signal }: { readonly what: string; readonly budgetMs: number; readonly signal?: AbortSignal },
  act: () => Promise<Result>,
): Promise<Result> {
  const { clock, logger } = context;
  const endMs = clock.monotonicMs() + budgetMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!isPassing(error)) throw error;
      const pauseMs = retryPauseMs(context, attempt);
      if (signal?.aborted === true || clock.monotonicMs() + pauseMs > endMs) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (attempt === 1) logger.debug({ what, reason }, 'the cluster did not serve a request; trying again');
      await delay(clock, pauseMs, signal);
    }
  }
}
