// What the end of a process says to the invocations that it served: what we killed it for, else what it said before it
// ended, else how the operating system saw it end.
import type { HandlerError, InvocationError } from './invocation-contract.ts';
import type { FunctionRuntime } from './launch-command.ts';
import { exited, initFailed, outOfMemory, timedOut } from './invocation-errors.ts';

/** Why we killed a process. */
export type KillReason = 'timed-out' | 'out-of-memory' | 'unresponsive' | 'stop' | 'garbage';

/** Of a shell that could not run a program, and that found none. */
const shellCodes = [126, 127];

export function deathOf(
  end: { readonly exitCode: number | null; readonly signal: string | null; readonly isHeapExhausted: boolean },
  life: {
    readonly killedFor: KillReason | undefined;
    readonly initError: HandlerError | undefined;
    /** What it wrote that was no frame. */
    readonly garbage: string;
    readonly isReady: boolean;
  },
  limits: {
    readonly timeoutMs: number;
    readonly memoryMb: number;
    readonly unresponsiveMs: number;
    /** It served several invocations. */
    readonly isShared: boolean;
    readonly runtime: FunctionRuntime;
    readonly entry: string;
  },
): InvocationError {
  const { killedFor, initError, garbage, isReady } = life;
  const { exitCode, signal, isHeapExhausted } = end;
  if (killedFor === 'timed-out') return timedOut(limits.timeoutMs);
  if (killedFor === 'out-of-memory' || isHeapExhausted) return outOfMemory(limits.memoryMb, limits.isShared);
  if (initError !== undefined) return initFailed(initError);
  if (killedFor === 'garbage') return exited(`it wrote to file descriptor 3, which is not its own: ${garbage}`);
  if (killedFor === 'unresponsive') {
    return exited(`its process, which others shared, was stuck for ${limits.unresponsiveMs} ms`);
  }
  const how = signal === null ? `its process exited with code ${exitCode}` : `its process was ended by ${signal}`;
  // A process that ends itself while it loads will do so again; one that is killed from outside may not.
  if (!isReady && killedFor === undefined && signal === null) {
    if (limits.runtime.kind === 'provided' && shellCodes.includes(exitCode ?? 0)) {
      const errorMessage = `${limits.runtime.command?.[0] ?? limits.entry} is no program that can be run: ${how}`;
      return initFailed({ errorType: 'Runtime.InvalidEntrypoint', errorMessage, trace: [] });
    }
    return initFailed({ errorType: 'Runtime.ExitError', errorMessage: how, trace: [] });
  }
  return exited(how);
}
