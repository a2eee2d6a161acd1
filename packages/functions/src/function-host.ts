// The functions of an application, each with its invoker: what every trigger calls. The runs of conversations, AWS's API and
// function URLs share a function's environments, its concurrency and its queue.
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  guardedClock,
  silentLogger,
  systemClock,
  systemRandom,
  ulids,
  type Clock,
  type Logger,
  type Random,
} from '@throughline/event';
import { resolveFunction, type FunctionConfig } from './function-config.ts';
import { Invoker } from './invoker/invoker.ts';
import { createLambdaApi, type LambdaApi } from './lambda/lambda-api.ts';
import type { HostedFunction } from './lambda/hosted-function.ts';
import type { FunctionOfRuns } from './runs/run-keeper.ts';

export interface FunctionHostOptions {
  readonly functions: readonly FunctionConfig[];
  /**
   * A folder of this host alone, for what environments write; what a killed one left in it is removed. A temporary one where
   * absent.
   */
  readonly scratchDir?: string;
  /** Folder of V8's compile cache; it takes a quarter off the load time of a function. */
  readonly compileCacheDir?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface FunctionHost {
  /** By name, in the order of their configuration. */
  readonly functions: ReadonlyMap<string, FunctionOfRuns & HostedFunction>;
  /** AWS's API and function URLs. */
  readonly lambda: LambdaApi;
  /** Ends all processes; invocations that wait or run settle with their reason. */
  close(): Promise<void>;
}

/**
 * Makes functions ready to be called; a spare environment of each is loaded ahead.
 *
 * @throws ThroughlineError CONFIG_INVALID
 * @example const host = createFunctionHost({ functions: [{ name: 'hello', entry: '/srv/app/hello.ts' }] });
 */
export function createFunctionHost(options: FunctionHostOptions): FunctionHost {
  const { random = systemRandom, logger = silentLogger, compileCacheDir } = options;
  const configs = options.functions.map(resolveFunction);
  const clock = guardedClock(options.clock ?? systemClock, logger);
  const scratchDir = emptyDir(options.scratchDir);
  const newId = ulids(clock, random);
  const functions = new Map(
    configs.map((config) => {
      const invoker = new Invoker({ config, clock, logger, scratchDir, compileCacheDir, newId });
      return [config.name, { config, invoker, url: config.url }];
    }),
  );
  const read = (file: string): Promise<Buffer> => readFile(file);
  return {
    functions,
    lambda: createLambdaApi({ functions, clock, random, logger, readFile: read }),
    async close() {
      await Promise.all(Array.from(functions.values(), ({ invoker }) => invoker.close()));
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
}

/**
 * It is made with the first environment's folder, so that a disk that is full at the start is waited for like one that gets
 * full later.
 */
function emptyDir(dir: string | undefined): string {
  if (dir === undefined) return mkdtempSync(path.join(tmpdir(), 'throughline-functions-'));
  rmSync(dir, { recursive: true, force: true });
  return dir;
}
