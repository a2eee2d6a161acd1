// One conversation in the list: its title, when it last changed, a dot while a reply is being written, and what can be
// done with it.
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import type { ConversationSummary } from '@throughline/state';
import { Link } from 'wouter';
import { when } from '../ui/format.ts';
import { Archive, Dots, Pencil, Trash } from '../ui/icons.tsx';
import { Menu } from '../ui/menu.tsx';

export interface RowActions {
  readonly rename: (id: string, title: string) => void;
  readonly archive: (id: string, isArchived: boolean) => void;
  readonly remove: (id: string) => void;
}

export function ConversationRow(props: {
  readonly conversation: ConversationSummary;
  readonly isCurrent: boolean;
  readonly nowMs: number;
  readonly actions: RowActions;
  readonly onChosen: () => void;
}): ReactNode {
  const { conversation, isCurrent, nowMs, actions, onChosen } = props;
  const [isRenaming, setIsRenaming] = useState(false);
  const { id, title, isArchived, isRunning } = conversation;
  if (isRenaming) {
    return (
      <li className="conversation" data-current={isCurrent}>
        <RenameForm
          title={title}
          onDone={(next) => {
            setIsRenaming(false);
            if (next !== undefined && next !== title) actions.rename(id, next);
          }}
        />
      </li>
    );
  }
  return (
    <li className="conversation" data-current={isCurrent}>
      <Link
        href={`/c/${encodeURIComponent(id)}`}
        aria-current={isCurrent ? 'page' : undefined}
        title={title}
        onClick={onChosen}
      >
        <span className="title">{title}</span>
        <span className="when">
          {isRunning && (
            <>
              <span className="dot" data-state="running" /> writing <span aria-hidden="true">·</span>
            </>
          )}
          {when(conversation.updatedMs, nowMs)}
        </span>
      </Link>
      <Menu
        label={`Actions for ${title}`}
        button={<Dots />}
        buttonClassName="quiet conversation-menu-button"
        items={[
          { label: withIcon(<Pencil />, 'Rename'), run: () => setIsRenaming(true) },
          {
            label: withIcon(<Archive />, isArchived ? 'Take out of the archive' : 'Archive'),
            run: () => actions.archive(id, !isArchived),
          },
          { label: withIcon(<Trash />, 'Delete'), run: () => actions.remove(id) },
        ]}
      />
    </li>
  );
}

function withIcon(icon: ReactNode, text: string): ReactNode {
  return (
    <>
      {icon} {text}
    </>
  );
}

function RenameForm(props: {
  readonly title: string;
  readonly onDone: (title: string | undefined) => void;
}): ReactNode {
  const [title, setTitle] = useState(props.title);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const save = (event?: FormEvent): void => {
    event?.preventDefault();
    props.onDone(title.trim() === '' ? undefined : title.trim());
  };
  return (
    <form onSubmit={save} aria-label="Rename conversation">
      <input
        ref={field}
        type="text"
        aria-label="Title"
        maxLength={200}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        onBlur={() => save()}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault();
          event.stopPropagation();
          props.onDone(undefined);
        }}
      />
    </form>
  );
}
