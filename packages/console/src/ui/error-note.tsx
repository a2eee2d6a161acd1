// What failed: its code, what happened, what to do, and a way to try again.
import type { ReactNode } from 'react';
import { Retry } from './icons.tsx';

export function ErrorNote(props: {
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string };
  readonly onRetry?: () => void;
  readonly retryLabel?: string;
}): ReactNode {
  const { code, message, remedy } = props.error;
  return (
    <div className="failure" role="alert">
      <p>
        <code>{code}</code> {message}
      </p>
      <p>{remedy}</p>
      {props.onRetry !== undefined && (
        <button type="button" onClick={props.onRetry}>
          <Retry /> {props.retryLabel ?? 'Try again'}
        </button>
      )}
    </div>
  );
}
