// How a reply that failed says so: what happened, by which code, and what to do about it.
import type { ReactNode } from 'react';
import { errorTable, type RunEnd } from '@throughline/event';
import { Retry } from '../ui/icons.tsx';

export function RunFailure(props: {
  readonly error: RunEnd['error'];
  readonly canRetry: boolean;
  readonly onRetry: () => void;
}): ReactNode {
  const { code, message, remedy } = props.error ?? { code: 'INTERNAL', message: 'The run failed without a reason.' };
  return (
    <div className="failure" role="alert">
      <p>
        <code>{code}</code> {message}
      </p>
      <p>{remedy ?? remedyOf(code)}</p>
      {props.canRetry && (
        <button type="button" onClick={props.onRetry}>
          <Retry /> Retry
        </button>
      )}
    </div>
  );
}

/** What the closed error table advises; an unknown code comes from a newer server. */
export function remedyOf(code: string): string {
  return Object.hasOwn(errorTable, code)
    ? errorTable[code as keyof typeof errorTable].remedy
    : 'See docs/reference/errors.md of the server’s version.';
}
