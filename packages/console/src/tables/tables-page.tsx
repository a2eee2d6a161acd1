// /tables: what pipelines have made of the log, each row with the record that it came from.
import { useCallback, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { Bar } from '../bar.tsx';
import { ErrorNote } from '../ui/error-note.tsx';
import { counted } from '../ui/format.ts';
import { Retry } from '../ui/icons.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { Grid } from './grid.tsx';
import { SqlBox } from './sql-box.tsx';
import { listTables, readTable } from './table-data.ts';

export function TablesPage({ name }: { readonly name: string | undefined }): ReactNode {
  const { loaded, reload } = useLoaded(listTables);
  const tables = loaded.value ?? [];
  const current = name ?? tables[0]?.name;
  return (
    <>
      <Bar title="Tables" />
      <main className="tables" id="main" tabIndex={-1}>
        <div className="tables-inner">
          <p className="tables-intro">
            Kept by pipelines from the log: one row per finished run, written together with its offset in one
            transaction. However often something was killed, there is exactly one.
          </p>
          {loaded.kind === 'failed' && <ErrorNote error={loaded.error} onRetry={reload} />}
          {loaded.kind === 'ready' && tables.length === 0 && <p>No pipeline keeps a table here yet.</p>}
          {tables.length > 0 && (
            <nav className="table-tabs" aria-label="Tables">
              {tables.map((table) => (
                <Link
                  key={table.name}
                  href={`/tables/${encodeURIComponent(table.name)}`}
                  aria-current={table.name === current ? 'page' : undefined}
                >
                  {table.name}
                </Link>
              ))}
            </nav>
          )}
          {current !== undefined && <TableView key={current} name={current} />}
          <SqlBox />
        </div>
      </main>
    </>
  );
}

/** One table, a page at a time. `after` of the pages before is kept, so that going back is exact. */
function TableView({ name }: { readonly name: string }): ReactNode {
  const [before, setBefore] = useState<readonly (string | undefined)[]>([]);
  const [after, setAfter] = useState<string>();
  const load = useCallback((signal: AbortSignal) => readTable(name, after, signal), [name, after]);
  const { loaded, reload } = useLoaded(load);
  if (loaded.kind === 'failed') return <ErrorNote error={loaded.error} onRetry={reload} />;
  if (loaded.kind === 'loading') return <p role="status">Reading {name}…</p>;
  const { columns, rows, next } = loaded.value;
  return (
    <section aria-label={name} className="tables-inner">
      {rows.length === 0 ? (
        <p>No rows yet. Ask something; its row is here when the reply has ended.</p>
      ) : (
        <Grid label={`Rows of ${name}`} columns={columns} rows={rows} />
      )}
      <div className="grid-foot">
        <button type="button" onClick={reload}>
          <Retry /> Read again
        </button>
        {before.length > 0 && (
          <button
            type="button"
            onClick={() => {
              setAfter(before.at(-1));
              setBefore(before.slice(0, -1));
            }}
          >
            Newer rows
          </button>
        )}
        {next !== undefined && (
          <button
            type="button"
            onClick={() => {
              setBefore([...before, after]);
              setAfter(next);
            }}
          >
            Older rows
          </button>
        )}
        <span>
          Page {before.length + 1}, {counted(rows.length, 'row')}
        </span>
      </div>
    </section>
  );
}
