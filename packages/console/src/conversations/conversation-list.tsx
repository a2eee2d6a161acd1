// All conversations, the last changed on top, with a filter over their titles and a place apart for archived ones.
import { useDeferredValue, useEffect, useState, type ReactNode, type RefObject } from 'react';
import type { ErrorBody } from '@throughline/event';
import type { ConversationSummary } from '@throughline/state';
import { ConversationRow, type RowActions } from './conversation-row.tsx';
import { counted } from '../ui/format.ts';
import { listClockMs } from '../defaults.ts';

export interface ConversationListProps {
  readonly conversations: readonly ConversationSummary[];
  readonly isLoading: boolean;
  /** Why the list could not be read. */
  readonly error: ErrorBody | undefined;
  readonly currentId: string | undefined;
  readonly actions: RowActions;
  readonly onChosen: () => void;
  readonly filterField: RefObject<HTMLInputElement | null>;
  /** Asks for older conversations; undefined when all are here. */
  readonly onLoadMore: (() => void) | undefined;
}

export function ConversationList(props: ConversationListProps): ReactNode {
  const { conversations, isLoading, error, currentId, actions, filterField, onChosen, onLoadMore } = props;
  const [filter, setFilter] = useState('');
  const [showsArchive, setShowsArchive] = useState(false);
  const words = useDeferredValue(filter).toLowerCase().split(/\s+/).filter(Boolean);
  const nowMs = useListClock();

  const matching = conversations.filter(({ title }) => words.every((word) => title.toLowerCase().includes(word)));
  const archivedCount = matching.filter(({ isArchived }) => isArchived).length;
  const shown = matching
    .filter(({ isArchived }) => isArchived === showsArchive)
    .sort((a, b) => b.updatedMs - a.updatedMs);

  return (
    <>
      <input
        ref={filterField}
        type="search"
        aria-label="Filter conversations"
        placeholder="Filter"
        value={filter}
        onChange={(event) => setFilter(event.target.value)}
      />
      <nav className="conversations" aria-label={showsArchive ? 'Archived conversations' : 'Conversations'}>
        <ul>
          {shown.map((conversation) => (
            <ConversationRow
              key={conversation.id}
              conversation={conversation}
              isCurrent={conversation.id === currentId}
              nowMs={nowMs}
              actions={actions}
              onChosen={onChosen}
            />
          ))}
        </ul>
        {error !== undefined && <p className="conversations-note">The list cannot be read just now. {error.message}</p>}
        {shown.length === 0 && error === undefined && (
          <p className="conversations-note">{emptyWords(isLoading, words.length > 0, showsArchive)}</p>
        )}
        {onLoadMore !== undefined && (
          <button type="button" className="quiet" onClick={onLoadMore}>
            Older conversations
          </button>
        )}
      </nav>
      {(archivedCount > 0 || showsArchive) && (
        <button
          type="button"
          className="quiet"
          aria-pressed={showsArchive}
          onClick={() => setShowsArchive(!showsArchive)}
        >
          {showsArchive ? 'Back to all conversations' : counted(archivedCount, 'archived conversation')}
        </button>
      )}
      <p className="visually-hidden" role="status">
        {words.length > 0 ? `${counted(shown.length, 'conversation')} found` : ''}
      </p>
    </>
  );
}

function emptyWords(isLoading: boolean, isFiltered: boolean, isArchive: boolean): string {
  if (isLoading) return 'Reading the list…';
  if (isFiltered) return 'No title has these words.';
  return isArchive ? 'Nothing is archived.' : 'Your conversations will be listed here.';
}

/** Moves now and then, so that "5 min ago" does not stay for an hour. */
function useListClock(): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), listClockMs);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}
