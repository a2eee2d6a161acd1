// One mark on the line: a question, or a reply with all that belongs to it. Renders again only when its own frame changes.
import { memo, type ReactNode } from 'react';
import { textOf } from '@throughline/event';
import type { MessageView } from '@throughline/state';
import {
  useBranches,
  useClient,
  useConversationActions,
  useMessage,
  useMessageParts,
  useRun,
} from '@throughline/state/react';
import { CopyButton } from '../ui/copy-button.tsx';
import { Retry } from '../ui/icons.tsx';
import { BranchSwitcher } from './branch-switcher.tsx';
import { Part } from './part.tsx';
import { Question } from './question.tsx';
import { remedyOf, RunFailure } from './run-failure.tsx';
import { stateOf } from './run-facts.ts';
import { RunStrip } from './run-strip.tsx';
import { Sources } from './sources.tsx';
import { useAct } from './use-act.ts';

interface TurnProps {
  readonly conversationId: string;
  readonly messageId: string;
  /** A reply is being written: nothing else is begun meanwhile. */
  readonly isBusy: boolean;
}

export const Turn = memo(function Turn(props: TurnProps): ReactNode {
  const message = useMessage(props.messageId);
  if (message === undefined || message.role === 'system') return null;
  return message.role === 'user' ? (
    <QuestionTurn {...props} message={message} />
  ) : (
    <ReplyTurn {...props} message={message} />
  );
});

type OwnProps = TurnProps & { readonly message: MessageView };

function Branches({ noun, messageId }: { readonly noun: string; readonly messageId: string }): ReactNode {
  const { ids, select } = useBranches(messageId);
  const act = useAct();
  return <BranchSwitcher noun={noun} siblingIds={ids} messageId={messageId} onSelect={(id) => act(() => select(id))} />;
}

function QuestionTurn({ messageId, isBusy, message }: OwnProps): ReactNode {
  const parts = useMessageParts(messageId) ?? [];
  const { edit, retry, discard } = useConversationActions();
  const act = useAct();
  const { delivery, error } = message;
  const isSent = delivery === 'sent';
  return (
    <article className="turn" data-role="user" aria-label="Question">
      <h2 className="visually-hidden">Question</h2>
      <span className="turn-mark" aria-hidden="true" />
      <Question
        text={textOf(parts)}
        isPending={!isSent}
        pendingNote={pendingWords[delivery]}
        canEdit={isSent && !isBusy}
        onEdit={(text) => act(() => void edit(messageId, text))}
        branches={isSent ? <Branches noun="question" messageId={messageId} /> : null}
      />
      {delivery === 'failed' && (
        <div className="failure" role="alert">
          <p>
            <code>{error?.code ?? 'INTERNAL'}</code> {error?.message ?? 'This question could not be sent.'}
          </p>
          <p>{error?.remedy ?? remedyOf('INTERNAL')}</p>
          <div className="failure-actions">
            <button type="button" onClick={() => retry(messageId)}>
              <Retry /> Send again
            </button>
            <button type="button" onClick={() => discard(messageId)}>
              Discard
            </button>
          </div>
        </div>
      )}
    </article>
  );
}

const pendingWords = {
  sent: '',
  sending: 'Sent, waiting for the log to confirm it',
  waiting: 'Not sent yet: the server does not answer. It is tried again by itself.',
  failed: 'Not sent',
} as const;

function ReplyTurn({ conversationId, messageId, isBusy, message }: OwnProps): ReactNode {
  const run = useRun(message.runId ?? '');
  const conversation = useClient().conversation(conversationId);
  const { regenerate, select } = useConversationActions();
  const act = useAct();
  const isLive = run !== undefined && run.phase !== 'ended';
  const retryReply = (): void => act(() => regenerate(messageId));
  const showRun = (runId: string): void => {
    const other = conversation.get(`run:${runId}`);
    if (other !== undefined) act(() => select(other.replyId));
  };
  return (
    <article
      className="turn"
      data-role="assistant"
      data-outcome={run?.outcome}
      data-running={isLive}
      aria-label="Reply"
      aria-busy={isLive}
    >
      <h2 className="visually-hidden">Reply</h2>
      <span className="turn-mark" aria-hidden="true" />
      <div data-reply-text dir="auto">
        {Array.from({ length: message.partCount }, (_, index) => (
          <Part key={index} messageId={messageId} index={index} isLive={isLive} />
        ))}
      </div>
      {message.partCount === 0 && run !== undefined && <p className="waiting-line">{emptyWords[stateOf(run)]}</p>}
      <ReplySources messageId={messageId} />
      {run?.outcome === 'failed' && <RunFailure error={run.ended?.error} canRetry={!isBusy} onRetry={retryReply} />}
      <div className="turn-actions">
        {!isLive && message.partCount > 0 && (
          <CopyButton label="Copy reply" text={() => textOf(conversation.get(`parts:${messageId}`) ?? [])} />
        )}
        {!isLive && run?.outcome !== 'failed' && (
          <button
            type="button"
            className="quiet"
            disabled={isBusy}
            title="Ask again; this version stays"
            onClick={retryReply}
          >
            <Retry /> Retry
          </button>
        )}
        <Branches noun="reply" messageId={messageId} />
      </div>
      {run !== undefined && <RunStrip run={run} onShowRun={showRun} />}
    </article>
  );
}

/** What stands where the text will be, or would have been. */
const emptyWords = {
  waiting: 'Waiting for a function…',
  running: 'A function has taken it. The first words are on their way…',
  stopping: 'Stopping…',
  done: 'The reply is empty.',
  stopped: 'Stopped before the first word.',
  failed: '',
  superseded: 'Cut before the first word.',
} as const;

/** Subscribes to all parts, so that the reply around it need not. */
const ReplySources = memo(function ReplySources({ messageId }: { readonly messageId: string }): ReactNode {
  return <Sources parts={useMessageParts(messageId) ?? []} />;
});
