// Public surface of the state core. The React binding is `@throughline/state/react`.
export { createClient, type Client, type ClientOptions } from './client.ts';
export type { OpenConversation, MessageContent, SendOptions } from './open-conversation.ts';
export type { ConversationList } from './conversation-list.ts';
export { defaults, type StateSettings } from './defaults.ts';
export type { OutboxStorage } from './client-environment.ts';
export { browserPage, type Page } from './page.ts';
export type { TabLocks } from './tabs.ts';
export { readSse, type SseEvent } from './sse-reader.ts';
export type {
  BranchesView,
  ConnectionState,
  ConnectionView,
  ConversationListView,
  ConversationStatus,
  ConversationSummary,
  ConversationView,
  Delivery,
  MessageView,
  RunView,
  ViewKey,
  ViewOf,
} from './views.ts';
