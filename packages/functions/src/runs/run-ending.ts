// How a run ends, from how its invocation settled and what it had written. Every way that a function can fail has one
// outcome and one code here.
import { errorTable, type ErrorCode, type PayloadOf, type UiChunk } from '@throughline/event';
import { limits } from '../defaults.ts';
import type { InvocationError, Settlement } from '../invoker/invocation-contract.ts';
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
  { value, error }: Pick<Settlement, 'value' | 'error'>,
  { terminal, problem }: Output,
  tries: { readonly attempt: number; readonly attemptsMax: number },
): Ending {
  if (error === undefined) {
    if (value !== undefined) {
      return failed(
        'FUNCTION_OUTPUT_INVALID',
        'the handler does not stream; wrap it in awslambda.streamifyResponse and write a UI message stream',
      );
    }
    if (terminal !== undefined) return endingOf(terminal);
    if (problem !== undefined) return failed('FUNCTION_OUTPUT_INVALID', problem);
    return failed('FUNCTION_INCOMPLETE', 'the handler returned without ending its stream');
  }
  const { code, errorType, errorMessage, thrownCode } = error;
  if (code === 'FUNCTION_ERROR') {
    if (terminal?.type === 'error') return endingOf(terminal);
    if (thrownCode !== undefined && isErrorCode(thrownCode)) return failed(thrownCode, errorMessage);
    return failed(code, `${errorType}: ${errorMessage}`);
  }
  // A finished reply is a finished reply, whatever became of the process after it.
  if (terminal !== undefined) return endingOf(terminal);
  // Nobody but the supervisor cancels, and it has given the run its end before.
  if (code === 'INVOCATION_CANCELLED') return { outcome: 'stopped' };
  // The process died, which says nothing about the next try.
  if (error.isRetriable && tries.attempt < tries.attemptsMax) return 'retry';
  return notStarted(error, code === 'FUNCTION_EXITED' ? `after ${tries.attempt} attempts: ` : '');
}

/** The end of a run whose invocation failed by itself. */
export function notStarted({ code, errorType, errorMessage }: InvocationError, before = ''): Outcome {
  return failed(code, code === 'FUNCTION_INIT_FAILED' ? `${errorType}: ${errorMessage}` : `${before}${errorMessage}`);
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
