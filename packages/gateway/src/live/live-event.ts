// An event on its way to the readers of a conversation. Its bytes as server-sent events are made at most once, when the
// first reader wants them, and shared by all.
import {
  eventFromRecord,
  eventToJson,
  ThroughlineError,
  type LogRecord,
  type PlacedEvent,
  type UiChunk,
} from '@throughline/event';
import { encodeSse } from '../http/sse.ts';
import { replyChunk } from '../reply/reply-chunk.ts';
import { formatToken } from '../stream-index/offset-token.ts';

export class LiveEvent {
  readonly event: PlacedEvent;
  /** Bytes of its record's value: what the event weighs in memory. */
  readonly valueBytes: number;
  readonly #generation: string;
  #eventBytes: Uint8Array | undefined;
  #chunkBytes: Uint8Array | undefined;

  constructor(event: PlacedEvent, valueBytes: number, generation: string) {
    this.event = event;
    this.valueBytes = valueBytes;
    this.#generation = generation;
  }

  /** The event of a record; undefined for a record that is none, which the index counts and status shows. */
  static of(record: LogRecord, generation: string): LiveEvent | undefined {
    try {
      return new LiveEvent(eventFromRecord(record), record.value?.length ?? 0, generation);
    } catch (error) {
      if (!ThroughlineError.is(error, 'INVALID_EVENT')) throw error;
      return undefined;
    }
  }

  /** The whole event, as `GET /v1/conversations/:id/events` shows it. */
  get eventBytes(): Uint8Array {
    this.#eventBytes ??= encodeSse({
      id: formatToken(this.#generation, this.event.at.offset),
      event: 'event',
      data: JSON.stringify(eventToJson(this.event)),
    });
    return this.#eventBytes;
  }

  /** The UI message chunks that it adds to a reply, each an event of the UI message stream. */
  get chunkBytes(): Uint8Array {
    this.#chunkBytes ??= Buffer.concat(
      this.chunks.map((chunk, index) =>
        encodeSse({
          id: formatToken(this.#generation, this.event.at.offset, index),
          data: JSON.stringify(chunk),
        }),
      ),
    );
    return this.#chunkBytes;
  }

  /** The token of its last chunk. */
  get lastToken(): string {
    return formatToken(this.#generation, this.event.at.offset, Math.max(0, this.chunks.length - 1));
  }

  /** The UI message chunks that it adds to a reply. */
  get chunks(): readonly UiChunk[] {
    const { event } = this;
    switch (event.type) {
      case 'chunk':
        return event.payload.chunks.flatMap((chunk) => replyChunk(chunk as unknown as UiChunk) ?? []);
      case 'tool-output':
        return [{ type: 'tool-output-available', ...event.payload }];
      case 'tool-approval-answered':
        return [{ type: 'tool-approval-response', ...event.payload }];
      default:
        return [];
    }
  }
}
