// What launcher and server say to each other over the child's IPC channel.
import * as z from 'zod';

/** From the launcher, in the environment variable THROUGHLINE_LAUNCH of the server. */
export const launchSchema = z.object({
  app: z.string(),
  flags: z.record(z.string(), z.unknown()),
  workingDir: z.string(),
});
export type Launch = z.infer<typeof launchSchema>;
export const launchVariable = 'THROUGHLINE_LAUNCH';

/** From the server. */
export const serverMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), text: z.string() }),
  z.object({
    type: z.literal('ready'),
    http: z.string(),
    httpPort: z.int(),
    dataDir: z.string(),
    startedMs: z.number(),
    docs: z.string(),
    model: z.string(),
  }),
  z.object({
    type: z.literal('failed'),
    error: z.object({ code: z.string(), message: z.string(), remedy: z.string() }),
  }),
  /** The page asked for a crash: what follows is the server's own SIGKILL. */
  z.object({ type: z.literal('crashing') }),
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;
