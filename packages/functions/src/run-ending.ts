// How a run ends, from how its invocation settled and what it had written. Every way that a function can fail has one
// outcome and one code here.
import { errorTable, type ErrorCode, type PayloadOf, type UiChunk } from '@throughline/event';
import { limits } from './defaults.ts';
import type { Settlement } from './invocation.ts';
import { errorOf, isErrorCode } from './ui-chunks.ts';

/** What a `run-ended` says about the outcome. */
export type Outcome = Pick<PayloadOf<'run-ended'>, 'outcome' | 'error' | 'supersededBy'>;
/** `retry`: the process died, which says nothing about the next try. */
export type Ending = Outcome | 'retry';

export interface Output {
  /** The chunk that ended the stream. */
  readonly terminal: UiChunk | undefined;
  /** Why what was written is no UI message stream. */
  readonly problem: string | undefined;
}

/** What becomes of a run whose attempt settled so. */
export function endingFor(
  settlement: Settlement,
  { terminal, problem }: Output,
  tries: { readonly attempt: number; readonly attemptsMax: number },
): Ending {
  const isLast = tries.attempt >= tries.attemptsMax;
  if (settlement.kind === 'returned') {
    if (!settlement.isStreaming) {
      return failed(
        'FUNCTION_OUTPUT_INVALID',
        'the handler does not stream; wrap it in awslambda.streamifyResponse and write a UI message stream',
      );
    }
    if (terminal !== undefined) return endingOf(terminal);
    if (problem !== undefined) return failed('FUNCTION_OUTPUT_INVALID', problem);
    return failed('FUNCTION_INCOMPLETE', 'the handler returned without ending its stream');
  }
  if (settlement.kind === 'threw') {
    if (terminal?.type === 'error') return endingOf(terminal);
    const { errorType, errorMessage, code } = settlement.error;
    if (code !== undefined && isErrorCode(code)) return failed(code, errorMessage);
    return failed('FUNCTION_ERROR', `${errorType}: ${errorMessage}`);
  }
  // A finished reply is a finished reply, whatever became of the process after it.
  if (terminal !== undefined) return endingOf(terminal);
  switch (settlement.kind) {
    case 'init-failed':
      return failed('FUNCTION_INIT_FAILED', `${settlement.error.errorType}: ${settlement.error.errorMessage}`);
    case 'timed-out':
      return failed('FUNCTION_TIMED_OUT', `the handler did not end within ${settlement.timeoutMs} ms`);
    case 'out-of-memory':
      if (settlement.isShared && !isLast) return 'retry';
      return failed('FUNCTION_OUT_OF_MEMORY', `the function used more than ${settlement.memoryMb} MB`);
    case 'exited':
      return isLast ? failed('FUNCTION_EXITED', `after ${tries.attempt} attempts: ${settlement.how}`) : 'retry';
    default:
      // Nobody but the supervisor cancels, and it has given the run its end before.
      return { outcome: 'stopped' };
  }
}

/** What the chunk that ends a stream says about the run. */
export function endingOf(terminal: UiChunk): Outcome {
  if (terminal.type === 'finish') return { outcome: 'done' };
  if (terminal.type === 'abort') return { outcome: 'stopped' };
  const { code, message } = errorOf(terminal['errorText'] as string);
  return failed(code, message);
}

/** A failure with the remedy of its code. */
export function failed(code: ErrorCode, message: string): Outcome {
  const { length } = message;
  const shown = length > limits.errorMessageLengthMax ? `${message.slice(0, limits.errorMessageLengthMax)}…` : message;
  return { outcome: 'failed', error: { code, message: shown, remedy: errorTable[code].remedy } };
}
