// Beside everything: a new conversation, the list, tables, theme, keys. On a narrow screen it is a drawer.
import { useState, type ReactNode, type RefObject } from 'react';
import { useClient, useConversations } from '@throughline/state/react';
import { Link } from 'wouter';
import { useAct } from './chat/use-act.ts';
import { ConversationList } from './conversations/conversation-list.tsx';
import { DeleteDialog } from './conversations/delete-dialog.tsx';
import { Brand, Keyboard, Moon, Plus, Sun, SystemTheme, Table } from './ui/icons.tsx';
import { useTheme } from './ui/theme.ts';

export function Sidebar(props: {
  readonly currentId: string | undefined;
  readonly isTables: boolean;
  readonly filterField: RefObject<HTMLInputElement | null>;
  readonly onNew: () => void;
  readonly onHelp: () => void;
  /** Something in it was chosen: the drawer may close. */
  readonly onChosen: () => void;
}): ReactNode {
  const { currentId, isTables, filterField, onNew, onHelp, onChosen } = props;
  const client = useClient();
  const list = useConversations();
  const act = useAct();
  const [deletingId, setDeletingId] = useState<string>();
  const deleting = list.conversations.find(({ id }) => id === deletingId);
  const actions = {
    rename: (id: string, title: string) => act(() => client.conversation(id).rename(title)),
    archive: (id: string, isArchived: boolean) => act(() => client.conversation(id).archive(isArchived)),
    remove: setDeletingId,
  };
  return (
    <aside className="sidebar" aria-label="Conversations and tables">
      <Link href="/" className="brand" onClick={onNew}>
        <Brand /> Throughline
      </Link>
      <button type="button" className="primary" onClick={onNew}>
        <Plus /> New conversation
      </button>
      <ConversationList
        conversations={list.conversations}
        isLoading={list.state === 'loading'}
        error={list.error}
        currentId={currentId}
        actions={actions}
        filterField={filterField}
        onChosen={onChosen}
        onLoadMore={list.hasMore ? () => act(list.loadMore) : undefined}
      />
      <div className="sidebar-foot">
        <Link href="/tables" aria-current={isTables ? 'page' : undefined} onClick={onChosen}>
          <Table /> Tables
        </Link>
        <ThemeButton />
        <button type="button" className="quiet" aria-label="Keyboard" title="Keyboard (?)" onClick={onHelp}>
          <Keyboard />
        </button>
      </div>
      <DeleteDialog
        title={deleting?.title}
        onClose={() => setDeletingId(undefined)}
        onDelete={() => {
          const id = deletingId;
          if (id === undefined) return;
          if (id === currentId) onNew();
          act(async () => {
            await client.conversation(id).remove();
            await list.refresh();
          });
        }}
      />
    </aside>
  );
}

const themeLooks = {
  system: { words: 'Theme: as the system', icon: <SystemTheme /> },
  light: { words: 'Theme: light', icon: <Sun /> },
  dark: { words: 'Theme: dark', icon: <Moon /> },
} as const;

function ThemeButton(): ReactNode {
  const { theme, next } = useTheme();
  const { words, icon } = themeLooks[theme];
  return (
    <button type="button" className="quiet" aria-label={words} title={`${words}. Press for the next.`} onClick={next}>
      {icon}
    </button>
  );
}
