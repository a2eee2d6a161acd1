// What may stand in throughline.config.ts, in flags and in the environment. This is the edge: whatever comes in is narrowed
// here before anything is started, and a value that does not fit is rejected by its name.
import type { TableDefinition } from '@throughline/pipelines';
import * as z from 'zod';
import { timerMsMax } from './defaults.ts';
import type { SettingName } from './settings.ts';

const milliseconds = z.int().min(1).max(timerMsMax);

const urlTrigger = z.strictObject({
  type: z.literal('url'),
  /** Whether an answer is passed on as it is written; AWS's InvokeMode. */
  responseMode: z.enum(['BUFFERED', 'RESPONSE_STREAM']).optional(),
});
/** A route of an API of several functions, as API Gateway has them. */
const apiTrigger = z.strictObject({
  type: z.literal('api'),
  /** The API's name: its routes are at `/lambda-api/NAME/…`. */
  api: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/),
  /** A method in capitals, or ANY. */
  method: z.string().regex(/^[A-Z]{1,16}$/),
  /** `/orders/{id}`, `/files/{path+}`, or `$default` for whatever no other route takes. */
  path: z.string().regex(/^(?:\$default|\/.*)$/),
  /** The form of event and answer: 1.0 is that of REST APIs, 2.0 that of HTTP APIs and function URLs. */
  payloadFormatVersion: z.enum(['1.0', '2.0']).optional(),
});
/** What else a trigger of such a type takes, and whether this version has it, says @throughline/functions (`readTrigger`). */
const followingTrigger = z.looseObject({
  type: z.enum(['kafka', 'queue', 'stream', 'bucket', 'bus', 'schedule']),
});

export const functionSchema = z.strictObject({
  /** Path of the module, relative to the configuration file. */
  entry: z.string().min(1),
  /** Name of the exported handler. */
  handler: z.string().min(1).optional(),
  /** By the name of the file where absent: `.py` is Python. `provided` is AWS's custom runtime: the entry is a program that asks AWS's Runtime API for work. */
  runtime: z.enum(['nodejs', 'python', 'provided']).optional(),
  /** Whether AWS's own client (aws-lambda-ric, awslambdaric) runs the function, over AWS's Runtime API. */
  runtimeApi: z.boolean().optional(),
  /** What a function in Python needs, relative to the configuration file; found by its name where absent. */
  requirements: z.string().min(1).optional(),
  /** Its working directory, and where Python imports from, relative to the configuration file; the entry's folder where absent. */
  codeDir: z.string().min(1).optional(),
  /** Whether the entry is made into one file with what it imports before it runs, as bundlers do; Node.js only. */
  bundle: z.boolean().optional(),
  timeoutMs: milliseconds.optional(),
  memoryMb: z.int().min(64).optional(),
  environmentsMax: z.int().min(1).max(1000).optional(),
  invocationsPerEnvironment: z.int().min(1).max(1000).optional(),
  /** Invocations that may run at once, AWS's ReservedConcurrentExecutions; 0 lets none run. */
  reservedConcurrency: z.int().min(0).max(1000).optional(),
  /** Processes that are kept loaded. */
  provisionedConcurrency: z.int().min(0).max(1000).optional(),
  /** Whether a process is stopped (SIGSTOP) between invocations, as AWS does it. */
  isFrozenWhenIdle: z.boolean().optional(),
  /** Environment variables whose values are read from a file (relative to the configuration file) or a variable of the server. */
  secrets: z
    .record(
      z.string(),
      z.union([z.strictObject({ file: z.string().min(1) }), z.strictObject({ variable: z.string().min(1) })]),
    )
    .optional(),
  /** Environment variables of the function; nothing else is inherited but what docs/reference/configuration.md lists. */
  environment: z.record(z.string(), z.string()).optional(),
  /** Asynchronous invocations; the names are AWS's, the bounds are said by @throughline/functions. */
  maximumRetryAttempts: z.int().min(0).optional(),
  maximumEventAgeSeconds: z.int().min(0).optional(),
  /** How long after each failure an asynchronous event is tried again. */
  retryDelaysMs: z.array(z.int().min(0).max(timerMsMax)).min(1).optional(),
  onSuccess: z.string().optional(),
  onFailure: z.string().optional(),
  /** What calls the function, beside the runs of conversations. */
  triggers: z.array(z.discriminatedUnion('type', [urlTrigger, apiTrigger, followingTrigger])).optional(),
});

export const settingsSchema = z.strictObject({
  httpPort: z.int().min(0).max(65535).optional(),
  kafkaPort: z.int().min(0).max(65535).optional(),
  host: z.string().min(1).optional(),
  dataDir: z.string().min(1).optional(),
  docs: z.string().min(1).optional(),
  model: z.enum(['docs', 'openai-compatible']).optional(),
  modelUrl: z.url({ protocol: /^https?$/ }).optional(),
  modelId: z.string().min(1).optional(),
  log: z
    .string()
    .regex(/^(embedded|kafka:\/\/.+)$/, 'expected embedded or kafka://host:port')
    .optional(),
  longPollMs: milliseconds.optional(),
  durability: z.enum(['memory', 'os', 'fsync']).optional(),
} satisfies Record<SettingName, z.ZodType>);
/** The settings that a flag, an environment variable or the configuration file can give. */
export type Settings = z.infer<typeof settingsSchema>;

export const configSchema = settingsSchema.extend({
  functions: z.record(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/), functionSchema),
  /** The function that answers a conversation. */
  answer: z.string().optional(),
  /** Tables made by @throughline/pipelines. */
  pipelines: z.array(z.custom<TableDefinition>((value) => typeof value === 'object' && value !== null)).optional(),
  allowedOrigins: z.array(z.url()).optional(),
});
export type FunctionSettings = z.infer<typeof functionSchema>;
export type ThroughlineConfig = z.infer<typeof configSchema>;

/** The first thing that is wrong, with its path. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? error.message : `${issue.path.join('.') || 'default export'}: ${issue.message}`;
}
