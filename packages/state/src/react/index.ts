// The React binding of the state core.
export {
  ClientProvider,
  ConversationProvider,
  useBranches,
  useClient,
  useConnection,
  useConversation,
  useConversationActions,
  useConversations,
  useMessage,
  useMessageParts,
  usePart,
  useRun,
  type ConversationActions,
} from './hooks.ts';
