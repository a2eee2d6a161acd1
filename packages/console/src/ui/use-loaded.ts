// A value that a request brings, with what stands between asking and having it.
import { useCallback, useEffect, useState } from 'react';
import { ThroughlineError } from '@throughline/event';

export type Loaded<Value> =
  | { readonly kind: 'loading'; readonly value?: undefined }
  | { readonly kind: 'ready'; readonly value: Value }
  | { readonly kind: 'failed'; readonly error: ThroughlineError; readonly value?: undefined };

type Load<Value> = (signal: AbortSignal) => Promise<Value>;

/**
 * Loads when another `load` is handed in (keep it with useCallback) and when `reload` is called; until a reload has come,
 * what was loaded before stays in sight.
 */
export function useLoaded<Value>(load: Load<Value>): { loaded: Loaded<Value>; reload: () => void } {
  const [held, setHeld] = useState<{ readonly load: Load<Value>; readonly loaded: Loaded<Value> }>();
  const start = useCallback(() => {
    const controller = new AbortController();
    const hold = (loaded: Loaded<Value>): void => {
      if (!controller.signal.aborted) setHeld({ load, loaded });
    };
    load(controller.signal).then(
      (value) => hold({ kind: 'ready', value }),
      (error: unknown) => hold({ kind: 'failed', error: ThroughlineError.from(error) }),
    );
    return () => controller.abort();
  }, [load]);
  useEffect(start, [start]);
  const reload = useCallback(() => void start(), [start]);
  return { loaded: held?.load === load ? held.loaded : { kind: 'loading' }, reload };
}
