// Which keys a flush has to look at again: collected event by event, and widened once at the end.
import type { Change, Conversation } from '@throughline/event';

export class DirtyKeys {
  readonly #keys = new Set<string>();

  add(key: string): void {
    this.#keys.add(key);
  }

  /** The keys that one event touches. */
  collect({ messageId, runId }: Change): void {
    if (messageId !== undefined) {
      this.#keys.add(`message:${messageId}`);
      this.#keys.add(`parts:${messageId}`);
    }
    if (runId !== undefined) this.#keys.add(`run:${runId}`);
  }

  /** All keys; a message's parts have keys of their own, and those that exist stand for it here. */
  *expanded(conversation: Conversation): Iterable<string> {
    for (const key of this.#keys) {
      yield key;
      if (!key.startsWith('parts:')) continue;
      const id = key.slice('parts:'.length);
      const count = conversation.messages.get(id)?.parts.length ?? 0;
      // One more than there are: a reset step takes parts away, and whoever held the last one is told.
      for (let index = 0; index <= count; index++) yield `part:${id}:${index}`;
    }
  }
}
