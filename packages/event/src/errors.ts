// The one error of Throughline. Every failure that a user or a client can meet carries a code of the closed table
// (error-table.ts), which says whether trying again can help, which HTTP status it is, and what to do about it.
import { errorTable, type ErrorCode } from './error-table.ts';

const marker = Symbol.for('throughline.error');

export interface ThroughlineErrorOptions {
  /** What failed underneath. */
  cause?: unknown;
  /** The numbers and names of this occurrence (`expectedSeq`, `topic`, …); shown to the caller. */
  details?: Readonly<Record<string, unknown>>;
  /** How long to wait before trying again, in milliseconds. */
  retryAfterMs?: number;
}

/** What an error looks like in an HTTP answer and in a `run-ended` event. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  remedy: string;
  retriable: boolean;
  [detail: string]: unknown;
}

export class ThroughlineError extends Error {
  override readonly name = 'ThroughlineError';
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly retriable: boolean;
  readonly httpStatus: number;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: ThroughlineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const entry = errorTable[code];
    this.code = code;
    this.remedy = entry.remedy;
    this.retriable = entry.retriable;
    this.httpStatus = entry.httpStatus;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
    Object.defineProperty(this, marker, { value: true });
  }

  /**
   * Tells whether `value` is a ThroughlineError (of any copy of this package), and of `code` when one is given.
   *
   * @example ThroughlineError.is(error, 'OFFSET_OUT_OF_RANGE')
   */
  static is(value: unknown, code?: ErrorCode): value is ThroughlineError {
    if (typeof value !== 'object' || value === null || !(marker in value)) return false;
    return code === undefined || (value as { code?: unknown }).code === code;
  }

  /** Turns anything thrown into a ThroughlineError; what is not one already becomes `INTERNAL` with its cause kept. */
  static from(value: unknown): ThroughlineError {
    if (ThroughlineError.is(value)) return value;
    const message = textOf(value instanceof Error ? value.message : value);
    return new ThroughlineError('INTERNAL', message, { cause: value });
  }

  toJSON(): ErrorBody {
    return {
      ...this.details,
      code: this.code,
      message: this.message,
      remedy: this.remedy,
      retriable: this.retriable,
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
    };
  }
}

/** For our own bugs only: input can never reach it. */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new ThroughlineError('INTERNAL', `assertion failed: ${claim}`);
}

/** What was thrown as text; also of an object that has no text, which somebody may have thrown as well. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    // Its `toString` is none, or has thrown.
    return Object.prototype.toString.call(thrown);
  }
}
