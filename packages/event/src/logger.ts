// What libraries log to. They never print: the server hands in pino, a test hands in a recorder, the default is silence.
// The message is constant text; what varies goes into the fields. No prompt, token or key is ever logged.

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /**
   * A defect that nobody waits for (unattended.ts): whoever runs the process may want to do more than to write it down. A
   * logger without this gets it as an `error`.
   */
  fatal?(fields: LogFields, message: string): void;
}

const nothing = (): void => {};

/** Drops everything. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
