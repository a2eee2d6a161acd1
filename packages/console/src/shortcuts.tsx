// The keyboard: one table of shortcuts, which the listener obeys and the dialog under `?` shows.
import { useEffect, useRef, type ReactNode } from 'react';

export type Shortcut = 'help' | 'new' | 'filter' | 'composer' | 'stop' | 'jump' | 'tables';

interface ShortcutKey {
  readonly shortcut: Shortcut | undefined;
  readonly keys: readonly string[];
  readonly does: string;
  readonly matches: (event: KeyboardEvent) => boolean;
}

const plainKey = (key: string) => (event: KeyboardEvent) =>
  event.key === key && !hasModifier(event) && !isWriting(event);
const never = (): boolean => false;

export const shortcutKeys: readonly ShortcutKey[] = [
  { shortcut: undefined, keys: ['Enter'], does: 'Send the question', matches: never },
  { shortcut: undefined, keys: ['Shift', 'Enter'], does: 'New line in the question', matches: never },
  {
    shortcut: 'stop',
    keys: ['Esc'],
    does: 'Stop the reply that is being written',
    matches: (event) => event.key === 'Escape' && !hasModifier(event),
  },
  { shortcut: 'composer', keys: ['/'], does: 'Go to the question field', matches: plainKey('/') },
  { shortcut: 'new', keys: ['n'], does: 'New conversation', matches: plainKey('n') },
  { shortcut: 'filter', keys: ['f'], does: 'Filter the conversations', matches: plainKey('f') },
  { shortcut: 'jump', keys: ['j'], does: 'Jump to the newest text', matches: plainKey('j') },
  { shortcut: 'tables', keys: ['t'], does: 'Tables', matches: plainKey('t') },
  {
    shortcut: 'help',
    keys: ['?'],
    does: 'This list',
    matches: (event) => event.key === '?' && !event.ctrlKey && !event.metaKey && !isWriting(event),
  },
];

function hasModifier(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
}

/** Letters belong to whoever is writing. */
function isWriting(event: KeyboardEvent): boolean {
  return event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]') !== null;
}

/** Calls `on` for each shortcut that is pressed outside of dialogs and menus. */
export function useShortcuts(on: (shortcut: Shortcut) => void): void {
  const latest = useRef(on);
  useEffect(() => {
    latest.current = on;
  });
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.isComposing || event.defaultPrevented || document.querySelector('dialog[open]') !== null) return;
      const found = shortcutKeys.find(({ matches }) => matches(event))?.shortcut;
      if (found === undefined) return;
      if (found !== 'stop') event.preventDefault();
      latest.current(found);
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
}

export function ShortcutsDialog(props: { readonly isOpen: boolean; readonly onClose: () => void }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (props.isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [props.isOpen]);
  return (
    <dialog ref={dialog} onClose={props.onClose} aria-labelledby="shortcuts-title">
      <h2 id="shortcuts-title">Keyboard</h2>
      <dl className="shortcuts">
        {shortcutKeys.map(({ keys, does }) => (
          <div key={does}>
            <dt>
              {keys.map((key, index) => (
                <span key={key}>
                  {index > 0 && ' + '}
                  <kbd>{key}</kbd>
                </span>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={props.onClose}>
        Close
      </button>
    </dialog>
  );
}
