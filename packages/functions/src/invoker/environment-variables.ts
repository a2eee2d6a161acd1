// What a function's process gets to see of the machine's environment: nothing that is not listed here. Secrets of the
// server (keys, tokens, database addresses) must be handed on by name, in the function's own configuration.
// Names: AWS Lambda developer guide, "Defined runtime environment variables".
import path from 'node:path';
import { handlerVariable, runtimeName, type FunctionRuntime } from './launch-command.ts';

const inherited = ['PATH', 'TZ', 'LANG'] as const;

export interface EnvironmentVariablesOptions {
  readonly name: string;
  readonly runtime: FunctionRuntime;
  readonly handler: string;
  readonly entry: string;
  readonly codeDir: string;
  readonly memoryMb: number;
  readonly logStreamName: string;
  readonly homeDir: string;
  readonly invocationsPerEnvironment: number;
  readonly isProvisioned: boolean;
  /** Whether an invocation says what it leaves behind. */
  readonly reportsLeaks: boolean;
  readonly compileCacheDir?: string;
  /** The function's own variables; they win, except over Lambda's reserved ones. */
  readonly configured: Readonly<Record<string, string>>;
}

/** The complete environment of a function's process. */
export function environmentVariables(
  machine: Readonly<Record<string, string | undefined>>,
  options: EnvironmentVariablesOptions,
): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const name of inherited) {
    const value = machine[name];
    if (value !== undefined) variables[name] = value;
  }
  return {
    ...variables,
    HOME: options.homeDir,
    TMPDIR: options.homeDir,
    ...options.configured,
    ...ofRuntime(options),
    _HANDLER: handlerVariable(options),
    AWS_EXECUTION_ENV: `AWS_Lambda_${runtimeName(options.runtime)}`,
    AWS_LAMBDA_FUNCTION_NAME: options.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(options.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: options.isProvisioned ? 'provisioned-concurrency' : 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${options.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: options.logStreamName,
    LAMBDA_TASK_ROOT: options.codeDir,
    ...(options.reportsLeaks ? { THROUGHLINE_REPORTS_LEAKS: '1' } : {}),
    ...(options.invocationsPerEnvironment > 1
      ? { AWS_LAMBDA_MAX_CONCURRENCY: String(options.invocationsPerEnvironment) }
      : {}),
  };
}

/** What the language's own runtime is told: where it keeps what it has compiled, and where it finds our package. */
function ofRuntime({ runtime, compileCacheDir, configured }: EnvironmentVariablesOptions): Record<string, string> {
  if (runtime.kind === 'nodejs') return compileCacheDir === undefined ? {} : { NODE_COMPILE_CACHE: compileCacheDir };
  if (runtime.kind === 'provided') return {};
  return {
    PYTHONPATH: [runtime.packageDir, configured['PYTHONPATH'] ?? ''].filter((dir) => dir !== '').join(path.delimiter),
    // A function's folder gets no __pycache__ from being run.
    ...(compileCacheDir === undefined ? {} : { PYTHONPYCACHEPREFIX: path.join(compileCacheDir, 'python') }),
    PYTHONUTF8: '1',
  };
}
