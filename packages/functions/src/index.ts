// Public surface of the functions floor.
export { createSupervisor, type Supervisor, type SupervisorOptions } from './supervisor.ts';
export type { FunctionConfig } from './function-config.ts';
export type { ReadingStatus } from './topic-reader.ts';
export type { FunctionStatus } from './function-status.ts';
export type { EnvironmentStatus } from './environment-pool.ts';
export type { InvocationTotals } from './metering.ts';
// What a function sees.
export type { AwsLambda, BufferedHandler, StreamingHandler } from './bootstrap/handler.ts';
export type { LambdaContext } from './bootstrap/context.ts';
export type { HttpPrelude, ResponseStream } from './bootstrap/response-stream.ts';
// The carry-on rule, by itself.
export { CarryOn, type CarryOnStep } from './carry-on.ts';
