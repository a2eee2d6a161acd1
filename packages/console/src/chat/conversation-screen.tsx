// One conversation: its bar, its log, its composer. Mounted anew for each conversation (`key`).
import { useEffect, useImperativeHandle, useState, type ReactNode, type Ref } from 'react';
import { ConversationProvider, useClient, useConnection, useConversation } from '@throughline/state/react';
import { Bar } from '../bar.tsx';
import { BreakItMenu } from '../break-it/break-it-menu.tsx';
import { shownMessagesStep } from '../defaults.ts';
import { ArrowDown, ArrowUp } from '../ui/icons.tsx';
import { Announcer } from './announcer.tsx';
import { Composer } from './composer.tsx';
import { ConnectionBanner } from './connection-banner.tsx';
import { EmptyState } from './empty-state.tsx';
import { Turn } from './turn.tsx';
import { useAct } from './use-act.ts';
import { useStickToEnd } from './use-stick-to-end.ts';

/** What the page's shortcuts do to the conversation in sight. */
export interface ScreenHandle {
  stop(): void;
  jumpToEnd(): void;
}

export function ConversationScreen(props: {
  readonly id: string;
  readonly canBreak: boolean;
  readonly onCutConnection: () => void;
  /** Called with the first question of a new conversation. */
  readonly onBegun: () => void;
  readonly handle: Ref<ScreenHandle>;
}): ReactNode {
  const { id } = props;
  const client = useClient();
  const conversation = useConversation(id);
  const connection = useConnection(id);
  const act = useAct();
  const { scroller, content, isAtEnd, jumpToEnd, growUpwards } = useStickToEnd();
  const { messageIds, liveRunId, status, exists, isDeleted, send, stop } = conversation;
  const [shownMax, setShownMax] = useState(shownMessagesStep);
  const hiddenCount = Math.max(0, messageIds.length - shownMax);
  const showEarlier = (): void => {
    growUpwards(() => setShownMax(shownMax + shownMessagesStep));
  };
  const isRunning = liveRunId !== undefined;
  const isGone = isDeleted || connection.state === 'gone';
  const isEmpty = messageIds.length === 0 && status !== 'loading' && !isGone;
  const title = conversation.title === '' ? 'New conversation' : conversation.title;

  const ask = (text: string): void =>
    act(() => {
      send(text);
      jumpToEnd();
      if (!exists) props.onBegun();
    });
  const stopReply = (): void => {
    if (isRunning && status !== 'stopping') act(stop);
  };
  useImperativeHandle(props.handle, () => ({ stop: stopReply, jumpToEnd }));
  useEffect(() => {
    document.title = `${isRunning ? '● ' : ''}${title} · Throughline`;
  }, [title, isRunning]);

  return (
    <ConversationProvider id={id}>
      <Bar title={title}>
        {props.canBreak && <BreakItMenu runId={liveRunId} onCutConnection={props.onCutConnection} />}
      </Bar>
      <ConnectionBanner connection={connection} onTryNow={conversation.reconnect} />
      <main className="conversation-main" id="main" tabIndex={-1}>
        <div
          className="log"
          role="log"
          aria-live="off"
          aria-label="Conversation"
          // The log is what the keyboard scrolls.
          tabIndex={0}
          ref={scroller}
        >
          <div ref={content}>
            {isEmpty && <EmptyState isBlocked={false} onAsk={ask} />}
            {isGone && (
              <p className="gone">
                This conversation was deleted. Its records stay on the log until retention removes them.
              </p>
            )}
            {messageIds.length > 0 && !isGone && (
              <div className="turns">
                {hiddenCount > 0 && (
                  <button type="button" className="earlier" onClick={showEarlier}>
                    <ArrowUp /> Show earlier messages ({hiddenCount})
                  </button>
                )}
                {messageIds.slice(hiddenCount).map((messageId) => (
                  <Turn key={messageId} conversationId={id} messageId={messageId} isBusy={isRunning} />
                ))}
              </div>
            )}
          </div>
        </div>
        <Announcer conversation={client.conversation(id)} liveRunId={liveRunId} />
        <div className="composer-room">
          {!isAtEnd && (
            <button type="button" className="jump" onClick={jumpToEnd}>
              <ArrowDown /> Jump to newest
            </button>
          )}
          <Composer
            conversationId={id}
            isRunning={isRunning}
            isStopping={status === 'stopping'}
            blockedBecause={isGone ? 'This conversation was deleted. Begin a new one.' : undefined}
            onSend={ask}
            onStop={stopReply}
          />
        </div>
      </main>
    </ConversationProvider>
  );
}
