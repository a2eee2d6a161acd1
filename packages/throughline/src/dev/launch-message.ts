// What launcher and server say to each other: what to start in an environment variable, what happens over the child's
// IPC channel.
import {
  boolean,
  literal,
  nullable,
  number,
  object,
  parse,
  record,
  string,
  unknown,
  type OutputOf,
  type Schema,
} from '@throughline/event';

/** From the launcher, in the environment variable THROUGHLINE_LAUNCH of the server. */
export const launchSchema = object({
  /** Folder of the application. */
  app: string(),
  /** Settings given as flags, still text. */
  flags: record(unknown()),
  workingDir: string(),
});
export type Launch = OutputOf<typeof launchSchema>;
export const launchVariable = 'THROUGHLINE_LAUNCH';

/** From the server, by type. */
const messages = {
  progress: object({ type: literal('progress'), text: string() }),
  ready: object({
    type: literal('ready'),
    http: string(),
    httpPort: number(),
    kafka: nullable(string()),
    dataDir: string(),
    /** `embedded`, or the address of the cluster that holds the log. */
    log: string(),
    /** What answers, for people. */
    answersBy: string(),
    startedMs: number(),
  }),
  failed: object({
    type: literal('failed'),
    error: object({ code: string(), message: string(), remedy: string(), retriable: boolean() }),
  }),
  /** The page asked for a crash: what follows is the server's own SIGKILL. */
  crashing: object({ type: literal('crashing') }),
} as const;
export type ServerMessage = OutputOf<(typeof messages)[keyof typeof messages]>;

/** A message of the server, narrowed; undefined for a type that this launcher does not know. */
export function serverMessage(raw: unknown): ServerMessage | undefined {
  const type = (raw as { type?: unknown } | null)?.type;
  if (typeof type !== 'string' || !Object.hasOwn(messages, type)) return undefined;
  const schema: Schema<ServerMessage> = messages[type as keyof typeof messages];
  return parse(schema, raw, 'INTERNAL');
}
