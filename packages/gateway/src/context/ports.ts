// What the gateway needs of systems that it does not know. The server that builds them all hands these in; the pipelines
// implement TablesReader by its shape.

export interface TableDescription {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rowCount: number;
}

export type TableRow = Readonly<Record<string, unknown>>;

export interface TablesReader {
  list(): Promise<readonly TableDescription[]>;
  /**
   * Rows of a table, each with `source` = topic, partition and offset.
   *
   * @throws ThroughlineError UNKNOWN_TABLE, INVALID_ARGUMENT
   */
  rows(
    name: string,
    options: { readonly limit: number; readonly after?: string },
  ): Promise<{ readonly rows: readonly TableRow[]; readonly next?: string }>;
  /** @throws ThroughlineError SQL_INVALID */
  sql(
    text: string,
    options: { readonly rowsMax: number },
  ): Promise<{
    readonly columns: readonly { readonly name: string; readonly type: string }[];
    readonly rows: readonly TableRow[];
  }>;
}

/** What the "break it" menu may do; handed in in development mode only. */
export interface DevActions {
  /** Kills the process of a function: of the one that answers `runId`, or any. */
  killFunction(runId?: string): Promise<{ readonly pid: number }>;
  /** Ends the server as `kill -9` would. */
  crashServer(): Promise<void>;
}

/** Who sent a request. */
export interface HttpCaller {
  readonly sourceIp: string;
  /** Ends the connection, so that nobody takes an answer for complete; undefined without a socket. */
  readonly cut: (() => void) | undefined;
}

/** Functions over HTTP; a floor beside this one has them. */
export interface FunctionsApi {
  /** AWS Lambda's own API: paths that begin with the date of a version. Its errors have AWS's shape. */
  fetch(request: Request, caller: HttpCaller): Promise<Response>;
  /**
   * Function URLs, `/lambda-url/{name}/…`, and routes of APIs, `/lambda-api/{api}/…`.
   *
   * @throws ThroughlineError UNKNOWN_FUNCTION and what became of the function
   */
  fetchUrl(request: Request, caller: HttpCaller): Promise<Response>;
}
