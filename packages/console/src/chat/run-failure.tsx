// How a reply that failed says so: what happened, by which code, and what to do about it.
import type { ReactNode } from 'react';
import { errorTable, type RunEnd } from '@throughline/event';
import { ErrorNote } from '../ui/error-note.tsx';

export function RunFailure(props: {
  readonly error: RunEnd['error'];
  readonly canRetry: boolean;
  readonly onRetry: () => void;
}): ReactNode {
  const { code, message, remedy } = props.error ?? { code: 'INTERNAL', message: 'The run failed without a reason.' };
  const retry = props.canRetry ? { onRetry: props.onRetry, retryLabel: 'Retry' } : {};
  return <ErrorNote error={{ code, message, remedy: remedy ?? remedyOf(code) }} {...retry} />;
}

/** What the closed error table advises; an unknown code comes from a newer server. */
export function remedyOf(code: string): string {
  return Object.hasOwn(errorTable, code)
    ? errorTable[code as keyof typeof errorTable].remedy
    : 'See docs/reference/errors.md of the server’s version.';
}
