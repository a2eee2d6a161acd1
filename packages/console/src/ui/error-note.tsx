// A request that failed: its code, what happened, what to do, and a way to try again.
import type { ReactNode } from 'react';
import type { ThroughlineError } from '@throughline/event';
import { Retry } from './icons.tsx';

export function ErrorNote(props: { readonly error: ThroughlineError; readonly onRetry?: () => void }): ReactNode {
  const { code, message, remedy } = props.error;
  return (
    <div className="failure" role="alert">
      <p>
        <code>{code}</code> {message}
      </p>
      <p>{remedy}</p>
      {props.onRetry !== undefined && (
        <button type="button" onClick={props.onRetry}>
          <Retry /> Try again
        </button>
      )}
    </div>
  );
}
