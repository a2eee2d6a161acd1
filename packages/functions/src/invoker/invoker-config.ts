// What an invoker has to know about its function.
import type { ErrorCode } from '@throughline/event';
import type { FunctionRuntime } from './launch-command.ts';

/** Where a secret is: in a file of the machine (its absolute path), or in a variable of the server's own environment. */
export type SecretSource = { readonly file: string } | { readonly variable: string };

export interface InvokerConfig {
  /** Name of the function; letters, digits, "_" and "-", at most 64 (Lambda's rule). */
  readonly name: string;
  readonly runtime: FunctionRuntime;
  /** Absolute path of the module. */
  readonly entry: string;
  /** Folder of its code: its working directory, and where Python imports from; the entry's folder where absent. */
  readonly codeDir?: string | undefined;
  /** Export that is called; dots go into nested objects; the default export where there is none of that name. */
  readonly handler: string;
  /** An invocation that takes longer is ended with FUNCTION_TIMED_OUT. */
  readonly timeoutMs: number;
  /** A process that takes more is ended with FUNCTION_OUT_OF_MEMORY. */
  readonly memoryMb: number;
  /** Processes that serve at once. */
  readonly environmentsMax: number;
  /** Invocations that a process serves at once. */
  readonly invocationsPerEnvironment: number;
  /** Invocations that wait for a free environment; one more is THROTTLED. */
  readonly queueLengthMax: number;
  /** Processes that are kept ready ahead. */
  readonly spareCount: number;
  /** Invocations that may run at once, and nobody can take away; 0 lets none run. As many as the processes serve where absent. */
  readonly reservedConcurrency?: number | undefined;
  /** Processes that are kept loaded, whether or not they are used. */
  readonly provisionedConcurrency: number;
  /** A process without an invocation is stopped (SIGSTOP), and goes on with the next one. */
  readonly isFrozenWhenIdle: boolean;
  /** An unused process is stopped after this long. */
  readonly idleMs: number;
  /** How long a cancelled handler may go on. */
  readonly stopGraceMs: number;
  /** A process that several invocations share is killed when it is stuck for this long; they are tried again. */
  readonly unresponsiveMs: number;
  /** How long a process may take to load the function. */
  readonly initTimeoutMs: number;
  /** Why it cannot run, where that is known before any process is started: every invocation fails with it. */
  readonly problem?: { readonly code: ErrorCode; readonly message: string } | undefined;
  /** Environment variables; nothing but PATH, TZ and LANG is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** More of them, read when a process starts, and shown nowhere. */
  readonly secrets: Readonly<Record<string, SecretSource>>;
}
