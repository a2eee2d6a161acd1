// What a person asked. Editing makes a sibling: the old question and its answers stay, one ‹ away.
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { CopyButton } from '../ui/copy-button.tsx';
import { Pencil } from '../ui/icons.tsx';

export interface QuestionProps {
  readonly text: string;
  /** Sent, but not yet on the log. */
  readonly isPending: boolean;
  /** What a pending question waits for. */
  readonly pendingNote: string;
  readonly canEdit: boolean;
  readonly onEdit: (text: string) => void;
  readonly branches: ReactNode;
}

export function Question(props: QuestionProps): ReactNode {
  const [isEditing, setIsEditing] = useState(false);
  if (isEditing) {
    return (
      <QuestionEdit
        text={props.text}
        onCancel={() => setIsEditing(false)}
        onSave={(text) => {
          setIsEditing(false);
          if (text !== props.text) props.onEdit(text);
        }}
      />
    );
  }
  return (
    <>
      <div className="question" data-pending={props.isPending} dir="auto">
        {props.text}
      </div>
      <div className="turn-actions question-actions" data-always={props.isPending || props.branches !== null}>
        {props.isPending ? (
          <span className="pending-note">{props.pendingNote}</span>
        ) : (
          <>
            <CopyButton label="Copy question" text={() => props.text} />
            {props.canEdit && (
              <button
                type="button"
                className="quiet"
                aria-label="Edit question"
                title="Edit question (the old one stays as a version)"
                onClick={() => setIsEditing(true)}
              >
                <Pencil />
              </button>
            )}
            {props.branches}
          </>
        )}
      </div>
    </>
  );
}

function QuestionEdit(props: {
  readonly text: string;
  readonly onSave: (text: string) => void;
  readonly onCancel: () => void;
}): ReactNode {
  const [text, setText] = useState(props.text);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(props.text.length, props.text.length);
  }, [props.text]);
  const save = (event?: FormEvent): void => {
    event?.preventDefault();
    if (text.trim() !== '') props.onSave(text.trim());
  };
  return (
    <form className="question-edit" onSubmit={save} aria-label="Edit question">
      <textarea
        ref={field}
        aria-label="Edited question"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return;
          if (event.key === 'Escape') {
            event.preventDefault();
            event.stopPropagation();
            props.onCancel();
          }
          if (event.key === 'Enter' && !event.shiftKey) save(event);
        }}
      />
      <div>
        <button type="submit" className="primary" disabled={text.trim() === ''}>
          Ask this instead
        </button>
        <button type="button" onClick={props.onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}
