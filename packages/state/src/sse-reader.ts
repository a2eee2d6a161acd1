// Reads server-sent events (WHATWG HTML §9.2.6) from the body of a fetch. EventSource itself cannot be told where to start,
// hides the status of an answer that is no stream, and reconnects by its own rules; hence this.
import { ThroughlineError } from '@throughline/event';

export interface SseEvent {
  /** `event:`; 'message' where absent. */
  readonly event: string;
  readonly data: string;
  /** The last `id:` seen, of this event or an earlier one. */
  readonly id: string | undefined;
}

/**
 * The events of `body`, as they arrive; ends with the body. Each read of the body calls `onBytes`, heartbeats included.
 *
 * @throws ThroughlineError SERVER_UNREACHABLE when the body is cut; BODY_TOO_LARGE when one event has more than
 *   `eventCharactersMax` characters
 */
export async function* readSse(
  body: ReadableStream<Uint8Array>,
  options: { readonly eventCharactersMax: number; readonly onBytes?: () => void },
): AsyncGenerator<SseEvent[]> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = sseParser(options.eventCharactersMax);
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw new ThroughlineError('SERVER_UNREACHABLE', 'the connection was cut', { cause });
      });
      if (done) return;
      options.onBytes?.();
      const events = parser(decoder.decode(value, { stream: true }));
      if (events.length > 0) yield events;
    }
  } finally {
    // The reader may have been left early: tell the server that nobody listens any more.
    await reader.cancel().catch(() => {
      // The body has failed already, and whoever reads it has been told by the read.
    });
  }
}

/** A parser that takes the text in any pieces and returns the events that are complete. */
export function sseParser(eventCharactersMax: number): (text: string) => SseEvent[] {
  let rest = '';
  let event = '';
  let data: string[] = [];
  let dataLength = 0;
  let id: string | undefined;
  let endedInReturn = false;
  return (text) => {
    const events: SseEvent[] = [];
    // A line may end in CR LF, and the two may come in different pieces: the LF then belongs to the line before.
    const piece = endedInReturn && text.startsWith('\n') ? text.slice(1) : text;
    if (text !== '') endedInReturn = text.endsWith('\r');
    const lines = (rest + piece).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) events.push({ event: event === '' ? 'message' : event, data: data.join('\n'), id });
        event = '';
        data = [];
        dataLength = 0;
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(line.charAt(colon + 1) === ' ' ? colon + 2 : colon + 1);
      if (field === 'data') {
        data.push(value);
        dataLength += value.length;
      } else if (field === 'event') event = value;
      else if (field === 'id' && !value.includes('\0')) id = value;
    }
    if (rest.length + dataLength > eventCharactersMax) {
      throw new ThroughlineError(
        'BODY_TOO_LARGE',
        `a server-sent event has more than ${eventCharactersMax} characters`,
      );
    }
    return events;
  };
}
