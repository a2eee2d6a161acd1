// One SELECT over the tables, run in the server. Ctrl or ⌘ with Enter runs it.
import { useState, type FormEvent, type ReactNode } from 'react';
import { ThroughlineError } from '@throughline/event';
import { exampleSql } from '../defaults.ts';
import { counted, duration } from '../ui/format.ts';
import { ErrorNote } from '../ui/error-note.tsx';
import { Grid } from './grid.tsx';
import { runSql, type SqlAnswer } from './table-data.ts';

type Outcome =
  | { readonly kind: 'answer'; readonly answer: SqlAnswer; readonly tookMs: number }
  | { readonly kind: 'error'; readonly error: ThroughlineError };

export function SqlBox(): ReactNode {
  const [sql, setSql] = useState<string>(exampleSql);
  const [outcome, setOutcome] = useState<Outcome>();
  const [isRunning, setIsRunning] = useState(false);

  const run = (event?: FormEvent): void => {
    event?.preventDefault();
    if (isRunning || sql.trim() === '') return;
    setIsRunning(true);
    const startedMs = performance.now();
    runSql(sql)
      .then(
        (answer) => setOutcome({ kind: 'answer', answer, tookMs: performance.now() - startedMs }),
        (error: unknown) => setOutcome({ kind: 'error', error: ThroughlineError.from(error) }),
      )
      .finally(() => setIsRunning(false));
  };

  return (
    <form className="sql" onSubmit={run} aria-labelledby="sql-title">
      <h2 id="sql-title">Ask the tables</h2>
      <textarea
        aria-label="SQL statement"
        spellCheck={false}
        autoCapitalize="off"
        value={sql}
        onChange={(event) => setSql(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run(event);
        }}
      />
      <div className="sql-actions">
        <button type="submit" className="primary" disabled={isRunning || sql.trim() === ''}>
          {isRunning ? 'Running…' : 'Run'}
        </button>
        <span role="status">
          {outcome?.kind === 'answer'
            ? answerWords(outcome.answer, outcome.tookMs)
            : 'DuckDB SQL, reading only. Ctrl + Enter runs it.'}
        </span>
      </div>
      {outcome?.kind === 'error' && <ErrorNote error={outcome.error} />}
      {outcome?.kind === 'answer' && outcome.answer.rows.length > 0 && (
        <Grid label="Result" columns={outcome.answer.columns} rows={outcome.answer.rows} />
      )}
    </form>
  );
}

function answerWords({ rows, isTruncated }: SqlAnswer, tookMs: number): string {
  const count = counted(rows.length, 'row');
  return isTruncated
    ? `The first ${count}, in ${duration(tookMs)}; add a limit for others`
    : `${count} in ${duration(tookMs)}`;
}
