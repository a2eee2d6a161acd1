// Light, dark, or what the system says. The choice is kept on this machine; public/theme.js applies it at the next visit
// before the first paint.
import { useState } from 'react';

export type Theme = 'system' | 'light' | 'dark';
const key = 'throughline.theme';
const order: readonly Theme[] = ['system', 'light', 'dark'];

function chosenTheme(): Theme {
  const theme = document.documentElement.dataset['theme'];
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  try {
    if (theme === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, theme);
  } catch (error) {
    // Private windows may reject storage: the theme holds for this visit, and that is all it can do.
    if (!(error instanceof DOMException)) throw error;
  }
}

/** The theme, and a function that goes on to the next of system, light and dark. */
export function useTheme(): { theme: Theme; next: () => void } {
  const [theme, setTheme] = useState(chosenTheme);
  const next = (): void => {
    const following = order[(order.indexOf(theme) + 1) % order.length] ?? 'system';
    apply(following);
    setTheme(following);
  };
  return { theme, next };
}
