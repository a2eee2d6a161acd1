// A function that AWS's API and function URLs can reach.
import type { Invoker } from '../invoker/invoker.ts';

export interface HostedFunction {
  readonly invoker: Invoker;
  /** How its URL answers; undefined where it has none. */
  readonly url: FunctionUrl | undefined;
  readonly routes: readonly ApiRoute[];
}

/** A route of an API of several functions, as API Gateway has them. */
export interface ApiRoute {
  readonly api: string;
  /** A method in capitals, or ANY. */
  readonly method: string;
  /** `/orders/{id}`, `/files/{path+}`, or `$default`. */
  readonly path: string;
  /** 1.0 is that of REST APIs, 2.0 that of HTTP APIs and function URLs. */
  readonly payloadFormatVersion: '1.0' | '2.0';
}

export interface FunctionUrl {
  /** AWS's InvokeMode. */
  readonly responseMode: 'BUFFERED' | 'RESPONSE_STREAM';
}

/** By name. */
export type HostedFunctions = ReadonlyMap<string, HostedFunction>;
