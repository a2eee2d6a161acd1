// Where a question is written. Enter sends and Shift+Enter makes a line; while an input method composes a character,
// Enter belongs to it. The draft of each conversation survives a change of conversation and a reload of the tab.
import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react';
import { ArrowUp, Stop } from '../ui/icons.tsx';

export interface ComposerProps {
  readonly conversationId: string;
  readonly isRunning: boolean;
  /** Stop was pressed and the end has not come yet. */
  readonly isStopping: boolean;
  /** Why nothing can be sent, in words for the reader; undefined when it can. */
  readonly blockedBecause: string | undefined;
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
}

/** Mounted anew for each conversation (`key`). */
export function Composer(props: ComposerProps): ReactNode {
  const { conversationId, isRunning, isStopping, blockedBecause } = props;
  const [text, setText] = useDraft(conversationId);
  const field = useRef<HTMLTextAreaElement>(null);
  const canSend = !isRunning && blockedBecause === undefined && text.trim() !== '';

  // A new conversation begins with the keyboard in the field; on a phone that would only raise the on-screen keyboard.
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) field.current?.focus();
  }, []);

  const send = (event?: FormEvent): void => {
    event?.preventDefault();
    if (!canSend) return;
    props.onSend(text.trim());
    setText('');
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    // 229 is what Safari reports for the Enter that ends a composition after isComposing is false again.
    const isComposing = event.nativeEvent.isComposing || event.keyCode === 229;
    if (event.key === 'Enter' && !event.shiftKey && !isComposing) {
      event.preventDefault();
      send();
    }
  };

  const hint = isRunning
    ? 'The reply is being written. Stop it to ask something else.'
    : 'Enter sends · Shift + Enter makes a new line';
  return (
    <>
      <form className="composer" onSubmit={send} aria-label="Ask">
        <textarea
          ref={field}
          id="composer"
          rows={1}
          value={text}
          maxLength={100_000}
          placeholder="Ask about your documents"
          aria-label="Your question"
          aria-describedby="composer-hint"
          enterKeyHint="send"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        {isRunning ? (
          <button type="button" disabled={isStopping} onClick={props.onStop}>
            <Stop />
            {isStopping ? 'Stopping…' : 'Stop'}
          </button>
        ) : (
          <button type="submit" className="primary" disabled={!canSend} aria-label="Send" title="Send (Enter)">
            <ArrowUp />
          </button>
        )}
      </form>
      <p className="composer-hint" id="composer-hint">
        {blockedBecause ?? hint}
      </p>
    </>
  );
}

/** Text that belongs to one conversation and one tab. */
function useDraft(conversationId: string): [string, (text: string) => void] {
  const key = `throughline.draft.${conversationId}`;
  const [draft, setDraft] = useState(() => readDraft(key));
  const keepDraft = (text: string): void => {
    setDraft(text);
    try {
      if (text === '') sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, text);
    } catch (error) {
      // Storage is off or full: the draft lives as long as the tab shows it.
      if (!(error instanceof DOMException)) throw error;
    }
  };
  return [draft, keepDraft];
}

function readDraft(key: string): string {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch (error) {
    if (error instanceof DOMException) return '';
    throw error;
  }
}
