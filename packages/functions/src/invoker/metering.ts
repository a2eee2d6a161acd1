// What an invocation cost, and what it printed: Lambda's START, END and REPORT lines around the function's own, and the
// totals of a function. Billed is the duration rounded up to a millisecond, with the load time of a cold start, as AWS
// bills since August 2025.
import type { HandlerError } from './invocation-contract.ts';

export interface InvocationReport {
  readonly requestId: string;
  readonly durationMs: number;
  readonly billedMs: number;
  readonly isCold: boolean;
  readonly isError: boolean;
  /** Peak resident memory seen; 0 where the platform does not tell. */
  readonly memoryBytesMax: number;
  readonly logLines: readonly string[];
}

export interface InvocationTotals {
  invocations: number;
  cold: number;
  warm: number;
  errors: number;
  billedMs: number;
}

/** Collects one invocation's lines, up to a number of them. */
export class InvocationLog {
  readonly #linesMax: number;
  readonly #lines: string[];
  #droppedLines = 0;

  constructor(requestId: string, linesMax: number) {
    this.#linesMax = linesMax;
    this.#lines = [`START RequestId: ${requestId} Version: $LATEST`];
  }

  /** Adds a line; false when the invocation has printed too many. */
  add(line: string): boolean {
    if (this.#lines.length > this.#linesMax) {
      this.#droppedLines++;
      return false;
    }
    this.#lines.push(line);
    return true;
  }

  close(report: Omit<InvocationReport, 'logLines'>, memoryMb: number, initMs: number | undefined): readonly string[] {
    const { requestId } = report;
    if (this.#droppedLines > 0) this.#lines.push(`(${this.#droppedLines} more lines were dropped)`);
    this.#lines.push(`END RequestId: ${requestId}`);
    this.#lines.push(
      [
        `REPORT RequestId: ${requestId}`,
        `Duration: ${report.durationMs.toFixed(2)} ms`,
        `Billed Duration: ${report.billedMs} ms`,
        `Memory Size: ${memoryMb} MB`,
        `Max Memory Used: ${Math.ceil(report.memoryBytesMax / 1024 / 1024)} MB`,
        ...(initMs === undefined ? [] : [`Init Duration: ${initMs.toFixed(2)} ms`]),
      ].join('\t'),
    );
    return this.#lines;
  }
}

/** What an invocation is billed: whole milliseconds, the load time of a cold start with it. */
export function billed(durationMs: number, initMs: number | undefined): number {
  return Math.ceil(durationMs + (initMs ?? 0));
}

/** Adds a report to the totals. */
export function count(totals: InvocationTotals, report: InvocationReport): void {
  totals.invocations++;
  if (report.isCold) totals.cold++;
  else totals.warm++;
  if (report.isError) totals.errors++;
  totals.billedMs += report.billedMs;
}

/** The line that Lambda prints for an error. */
export function errorLine(requestId: string, error: HandlerError): string {
  const { errorType, errorMessage, trace } = error;
  return `${requestId}\tERROR\tInvoke Error\t${JSON.stringify({ errorType, errorMessage, stack: trace })}`;
}
