// What the client wants to know of the page it runs in. Outside a browser there is none: always visible, always online.

export interface Page {
  isHidden(): boolean;
  isOnline(): boolean;
  /** Calls `listener` when one of the two may have changed; returns the end of that. */
  onChange(listener: () => void): () => void;
}

/** The browser's page. */
export function browserPage(): Page {
  const page = globalThis.document as Document | undefined;
  const network = globalThis.navigator as Navigator | undefined;
  return {
    isHidden: () => page?.visibilityState === 'hidden',
    // Node has a navigator without this field.
    isOnline: () => network?.onLine !== false,
    onChange(listener) {
      if (page === undefined) return () => {};
      page.addEventListener('visibilitychange', listener);
      globalThis.addEventListener('online', listener);
      globalThis.addEventListener('offline', listener);
      return () => {
        page.removeEventListener('visibilitychange', listener);
        globalThis.removeEventListener('online', listener);
        globalThis.removeEventListener('offline', listener);
      };
    },
  };
}
