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
  const window = page?.defaultView;
  const network = globalThis.navigator as Navigator | undefined;
  return {
    isHidden: () => page?.visibilityState === 'hidden',
    // Node has a navigator without this field.
    isOnline: () => network?.onLine !== false,
    onChange(listener) {
      if (page === undefined || !window) return () => {};
      page.addEventListener('visibilitychange', listener);
      window.addEventListener('online', listener);
      window.addEventListener('offline', listener);
      return () => {
        page.removeEventListener('visibilitychange', listener);
        window.removeEventListener('online', listener);
        window.removeEventListener('offline', listener);
      };
    },
  };
}
