// Public surface of the functions floor.
export { createFunctionHost, type FunctionHost, type FunctionHostOptions } from './function-host.ts';
export { readTrigger, type TriggerConfig } from './triggers/kinds.ts';
export type { TriggerStatus } from './triggers/trigger.ts';
// What a redrive of dead letters needs.
export { deadLetterHeaders, withoutDeadLetterHeaders } from './triggers/dead-letter.ts';
export { acceptedRecord } from './async/async-record.ts';
export { asyncTopic } from './defaults.ts';
export type { LambdaApi } from './lambda/lambda-api.ts';
export {
  createSupervisor,
  type SupervisedFunctionStatus,
  type Supervisor,
  type SupervisorOptions,
  type SupervisorReading,
} from './supervisor.ts';
export type { MemberOptions } from './sharing/function-group.ts';
export type { FunctionConfig } from './function-config.ts';
export type { FunctionRuntime } from './invoker/launch-command.ts';
export type { FunctionStatus } from './invoker/function-status.ts';
export type { EnvironmentStatus } from './invoker/environment-pool.ts';
export type { InvocationTotals } from './invoker/metering.ts';
// What a function sees.
export type { AwsLambda, BufferedHandler, StreamingHandler } from './invoker/bootstrap/handler.ts';
export type { LambdaContext } from './invoker/bootstrap/context.ts';
export type { HttpPrelude, ResponseStream } from './invoker/bootstrap/response-stream.ts';
// The carry-on rule, by itself.
export { CarryOn, type CarryOnStep } from './runs/carry-on.ts';
