// The hooks. Each renders only when what it returns has changed: the list of messages on structure and status, a message on
// its own frame, a part on its text.
import type { UiPart } from '@throughline/event';
import { createContext, createElement, useContext, useMemo, type ReactNode } from 'react';
import { ThroughlineError } from '@throughline/event';
import type { Client } from '../client.ts';
import type { ConversationList } from '../conversation-list.ts';
import type { OpenConversation } from '../open-conversation.ts';
import type {
  BranchesView,
  ConnectionView,
  ConversationListView,
  ConversationView,
  MessageView,
  RunView,
  ViewKey,
  ViewOf,
} from '../views.ts';
import { useSource } from './use-view.ts';

const ClientContext = createContext<Client | undefined>(undefined);
const ConversationContext = createContext<OpenConversation | undefined>(undefined);

/** Makes `client` known to the hooks below. */
export function ClientProvider(props: { readonly client: Client; readonly children?: ReactNode }): ReactNode {
  return createElement(ClientContext.Provider, { value: props.client }, props.children);
}

/** Says which conversation `useMessage`, `usePart`, `useBranches` and `useRun` below are of. */
export function ConversationProvider(props: { readonly id: string; readonly children?: ReactNode }): ReactNode {
  const conversation = useClient().conversation(props.id);
  return createElement(ConversationContext.Provider, { value: conversation }, props.children);
}

/** @throws ThroughlineError INVALID_ARGUMENT outside a ClientProvider */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === undefined) throw new ThroughlineError('INVALID_ARGUMENT', 'there is no ClientProvider around this');
  return client;
}

function useView<Key extends ViewKey>(conversation: OpenConversation, key: Key): ViewOf<Key> {
  const source = useMemo(
    () => ({
      get: () => conversation.get(key),
      subscribe: (listener: () => void) => conversation.subscribe(key, listener),
    }),
    [conversation, key],
  );
  return useSource(source);
}

/** What `ConversationProvider` says. @throws ThroughlineError INVALID_ARGUMENT outside of one */
function useOwnConversation(): OpenConversation {
  const conversation = useContext(ConversationContext);
  if (conversation === undefined)
    throw new ThroughlineError('INVALID_ARGUMENT', 'there is no ConversationProvider around this');
  return conversation;
}

export type ConversationActions = Pick<
  OpenConversation,
  | 'send'
  | 'edit'
  | 'retry'
  | 'discard'
  | 'regenerate'
  | 'stop'
  | 'select'
  | 'rename'
  | 'archive'
  | 'remove'
  | 'feedback'
  | 'reconnect'
  | 'cutConnection'
>;

/** A conversation's frame and its actions, whose identities never change; what the messages contain is not in it. */
export function useConversation(id: string): ConversationView & ConversationActions {
  const conversation = useClient().conversation(id);
  const view = useView(conversation, 'conversation');
  return useMemo(() => ({ ...view, ...actionsOf(conversation) }), [conversation, view]);
}

/** How the conversation is connected. */
export function useConnection(id: string): ConnectionView {
  return useView(useClient().conversation(id), 'connection');
}

/** The actions of the conversation around this, without its state: never renders again. */
export function useConversationActions(): ConversationActions {
  const conversation = useOwnConversation();
  return useMemo(() => actionsOf(conversation), [conversation]);
}

function actionsOf(conversation: OpenConversation): ConversationActions {
  const { send, edit, retry, discard, regenerate, stop, select } = conversation;
  const { rename, archive, remove, feedback, reconnect, cutConnection } = conversation;
  return {
    send,
    edit,
    retry,
    discard,
    regenerate,
    stop,
    select,
    rename,
    archive,
    remove,
    feedback,
    reconnect,
    cutConnection,
  };
}

/** A message but for what its parts contain: renders again when parts come or go, not when they grow. */
export function useMessage(messageId: string): MessageView | undefined {
  return useView(useOwnConversation(), `message:${messageId}`);
}

/** All parts of a message: renders again at every flush while it grows. Parts that did not change keep their identity. */
export function useMessageParts(messageId: string): readonly UiPart[] | undefined {
  return useView(useOwnConversation(), `parts:${messageId}`);
}

/** One part of a message. */
export function usePart(messageId: string, index: number): UiPart | undefined {
  return useView(useOwnConversation(), `part:${messageId}:${index}`);
}

/** The sibling branches at a message, and how to show another. */
export function useBranches(
  messageId: string,
): BranchesView & { readonly select: (messageId: string) => Promise<void> } {
  const conversation = useOwnConversation();
  const view = useView(conversation, `branches:${messageId}`);
  return useMemo(
    () => ({ ...(view ?? { ids: [messageId], index: 0 }), select: conversation.select }),
    [conversation, messageId, view],
  );
}

/** A run with its attempts, offsets and outcome. */
export function useRun(runId: string): RunView | undefined {
  return useView(useOwnConversation(), `run:${runId}`);
}

/** The list of conversations. */
export function useConversations(): ConversationListView & Pick<ConversationList, 'refresh' | 'loadMore'> {
  const list = useClient().conversations();
  const view = useSource(list);
  return useMemo(() => ({ ...view, refresh: list.refresh, loadMore: list.loadMore }), [list, view]);
}
