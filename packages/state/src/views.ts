// What a subscriber sees: immutable values, one per key. A value is replaced only when something in it has changed, so
// identity tells; what stays the same is shared between the old and the new.
import type { ErrorBody, MessageNode, MessageRole, Run, UiPart } from '@throughline/event';

/** As the AI SDK's ChatStatus, and two more: the first snapshot is not there yet; the run was asked to stop. */
export type ConversationStatus = 'loading' | 'ready' | 'submitted' | 'streaming' | 'stopping' | 'error';

export interface ConversationView {
  readonly id: string;
  readonly title: string;
  readonly isArchived: boolean;
  readonly isDeleted: boolean;
  /** False while nothing of it is on the log: the conversation is new. */
  readonly exists: boolean;
  /** The messages shown, from the first to the last; those that are still being sent stand at the end. */
  readonly messageIds: readonly string[];
  readonly status: ConversationStatus;
  /** The newest run that has not ended. */
  readonly liveRunId: string | undefined;
}

export type ConnectionState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'offline' | 'gone';

/**
 * How the conversation is connected to the log. `idle`: nobody subscribes, or the conversation is new; `reconnecting`:
 * cut, and tried again at `nextTryMs`; `offline`: the browser has no network; `gone`: the server no longer knows it.
 */
export interface ConnectionView {
  readonly state: ConnectionState;
  /** Wall time of this state's beginning, and of the next try where one is due. */
  readonly sinceMs: number;
  readonly nextTryMs: number | undefined;
  /** Tries since it was last live. */
  readonly tries: number;
  /** Why it was cut. */
  readonly error: ErrorBody | undefined;
}

/** A message still being sent: `sending`, `waiting` for the next try, or `failed` until retried or discarded. */
export type Delivery = 'sent' | 'sending' | 'waiting' | 'failed';

/** A message but for what its parts contain. */
export interface MessageView {
  readonly id: string;
  readonly parentId: string | null;
  readonly role: MessageRole;
  /** Its parts have the keys `part:<id>:0` to `part:<id>:<partCount - 1>`. */
  readonly partCount: number;
  readonly metadata: unknown;
  readonly runId: string | undefined;
  readonly createdMs: number;
  readonly feedback: MessageNode['feedback'];
  readonly delivery: Delivery;
  /** Why the last try of sending it failed. */
  readonly error: ErrorBody | undefined;
}

/** The sibling branches at a message. */
export interface BranchesView {
  /** Oldest first; the message itself is `ids[index]`. */
  readonly ids: readonly string[];
  readonly index: number;
}

/** A run with its attempts; see `Run` of `@throughline/event`. */
export type RunView = Readonly<Run>;

export type ViewKey =
  | 'conversation'
  | 'connection'
  | `message:${string}`
  | `parts:${string}`
  | `part:${string}:${number}`
  | `branches:${string}`
  | `run:${string}`;

/** What stands under a key; undefined when there is no such message, part or run. */
export type ViewOf<Key extends ViewKey> = Key extends 'conversation'
  ? ConversationView
  : Key extends 'connection'
    ? ConnectionView
    : Key extends `message:${string}`
      ? MessageView | undefined
      : Key extends `parts:${string}`
        ? readonly UiPart[] | undefined
        : Key extends `part:${string}`
          ? UiPart | undefined
          : Key extends `branches:${string}`
            ? BranchesView | undefined
            : RunView | undefined;

/** A row of the conversation list. */
export interface ConversationSummary {
  readonly id: string;
  readonly title: string;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly isArchived: boolean;
  readonly isDeleted: boolean;
  readonly isRunning: boolean;
}

export interface ConversationListView {
  /** Newest change first; none deleted. */
  readonly conversations: readonly ConversationSummary[];
  readonly state: 'loading' | 'ready' | 'error';
  readonly hasMore: boolean;
  readonly error: ErrorBody | undefined;
}

/** Tells whether two plain objects have the same fields with identical values. */
export function isSameView(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  const fields = Object.keys(one);
  if (fields.length !== Object.keys(other).length) return false;
  return fields.every((field) =>
    Object.is((one as Record<string, unknown>)[field], (other as Record<string, unknown>)[field]),
  );
}

/** Keeps `before` where `after` says the same, so that subscribers of an unchanged list are left alone. */
export function shareIds(before: readonly string[], after: readonly string[]): readonly string[] {
  return before.length === after.length && after.every((id, index) => id === before[index]) ? before : after;
}
