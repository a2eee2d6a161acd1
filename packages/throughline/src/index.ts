// What an application imports.
export { defineConfig } from './define-config.ts';
export type { FunctionSettings, Settings, ThroughlineConfig } from './config-schema.ts';
// What a function sees; with them comes the type of the global `awslambda`.
export type {
  AwsLambda,
  BufferedHandler,
  HttpPrelude,
  LambdaContext,
  ResponseStream,
  StreamingHandler,
} from '@throughline/functions';
