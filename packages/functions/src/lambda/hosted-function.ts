// A function that AWS's API and function URLs can reach.
import type { Invoker } from '../invoker/invoker.ts';

export interface HostedFunction {
  readonly invoker: Invoker;
  /** How its URL answers; undefined where it has none. */
  readonly url: FunctionUrl | undefined;
}

export interface FunctionUrl {
  /** AWS's InvokeMode. */
  readonly responseMode: 'BUFFERED' | 'RESPONSE_STREAM';
}

/** By name. */
export type HostedFunctions = ReadonlyMap<string, HostedFunction>;
