// Rows as a grid that scrolls sideways on a narrow screen. A column is as its values are: numbers stand right, long texts
// are cut at three lines with the whole text in reach.
import type { ReactNode } from 'react';
import { isUlid } from '@throughline/event';
import { Link } from 'wouter';
import { conversationIdOf, sourceOf, type Row } from './table-data.ts';

export function Grid(props: {
  readonly label: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}): ReactNode {
  const { columns, rows } = props;
  const hasSources = rows.some((row) => sourceOf(row) !== undefined);
  const isNumber = new Set(columns.filter((column) => rows.some((row) => typeof row[column] === 'number')));
  return (
    <div className="grid-scroll" tabIndex={0} role="region" aria-label={props.label}>
      <table className="grid">
        <thead>
          <tr>
            {hasSources && <th scope="col">source</th>}
            {columns.map((column) => (
              <th key={column} scope="col" className={isNumber.has(column) ? 'number' : undefined}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={rowKey(row, index)}>
              {hasSources && (
                <td className="mono">
                  <SourceCell row={row} />
                </td>
              )}
              {columns.map((column) => (
                <td key={column} className={isNumber.has(column) ? 'number' : undefined}>
                  <Cell column={column} row={row} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ column, row }: { readonly column: string; readonly row: Row }): ReactNode {
  const value = row[column];
  if (value === null || value === undefined) return <span className="null">–</span>;
  const conversationId = conversationIdOf(row);
  if (conversationId !== undefined && value === conversationId && column.startsWith('conversation'))
    return <Link href={`/c/${encodeURIComponent(conversationId)}`}>open</Link>;
  if (isUlid(value)) {
    // The end is what differs between neighbours; the whole id is in the title, and in SQL.
    return (
      <span className="mono" title={value}>
        …{value.slice(-8)}
      </span>
    );
  }
  const text = cellText(value);
  return (
    <span className={text.length > 40 ? 'clip' : undefined} title={text.length > 120 ? text : undefined}>
      {text}
    </span>
  );
}

function SourceCell({ row }: { readonly row: Row }): ReactNode {
  const source = sourceOf(row);
  return source === undefined ? null : `${source.topic}-${source.partition}@${source.offset}`;
}

function cellText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  return JSON.stringify(value);
}

function rowKey(row: Row, index: number): string {
  const source = sourceOf(row);
  return source === undefined ? String(index) : `${source.topic}-${source.partition}-${source.offset}`;
}
