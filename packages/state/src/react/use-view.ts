// A subscription as state and an effect, not `useSyncExternalStore`: that hook makes every update a synchronous one, and a
// page that streams tokens through it starves its own transitions (measured: a 300 ms navigation takes 5.3 s). The price,
// tearing between two components in one render, cannot happen within a flush, since all values of a flush are set together.
import { useEffect, useState } from 'react';

interface Source<Value> {
  get(): Value;
  subscribe(listener: () => void): () => void;
}

/** The value of `source`, rendered again when it changes. `source` must be the same object from render to render. */
export function useSource<Value>(source: Source<Value>): Value {
  const [held, setHeld] = useState(() => ({ source, value: source.get() }));
  let current = held;
  if (held.source !== source) {
    // Another source since the last render: its value is shown in this very render, never the old one's.
    current = { source, value: source.get() };
    setHeld(current);
  }
  useEffect(() => {
    const update = (): void => {
      const value = source.get();
      setHeld((before) => (before.source === source && Object.is(before.value, value) ? before : { source, value }));
    };
    const unsubscribe = source.subscribe(update);
    // It may have changed between the render and this effect.
    update();
    return unsubscribe;
  }, [source]);
  return current.value;
}
