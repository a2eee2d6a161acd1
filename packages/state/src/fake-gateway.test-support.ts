// A gateway in memory, behind `fetch`: enough of docs/PROTOCOL.md for the tests of this package, and switches for what can
// go wrong on the way. It passes the suite that the real one passes (test/conformance/gateway-suite.ts).
import {
  emptyConversation,
  eventToJson,
  narrowEvent,
  reduceConversation,
  snapshotOf,
  systemRandom,
  ulids,
  visiblePath,
  type Clock,
  type Conversation,
  type PlacedEvent,
  type UiChunk,
} from '@throughline/event';

interface Stored {
  readonly conversation: Conversation;
  readonly events: PlacedEvent[];
  readonly readers: Set<Reader>;
}
interface Reader {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
}

const encoder = new TextEncoder();

export class FakeGateway {
  /** Requests that came in, as `POST /api/chat`. */
  readonly requests: string[] = [];
  /** Bodies of POST /api/chat that were taken. */
  readonly bodies: Record<string, unknown>[] = [];
  /** Requests whose path contains this get no answer. */
  unreachable: string | undefined;
  /** The next posts are carried out, but their answers are lost. */
  lostAnswers = 0;
  /** An error answer for the next request whose path contains a text. */
  rejection: { path: string; status: number; code: string } | undefined;
  generation = 'aaaaaaaa';
  readonly #stored = new Map<string, Stored>();
  readonly #clock: Clock;
  readonly #ulid: () => string;
  #nextOffset = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ulid = ulids(clock, systemRandom);
  }

  fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : String(input), 'http://gateway');
    const method = init.method ?? 'GET';
    this.requests.push(`${method} ${url.pathname}${url.search}`);
    init.signal?.throwIfAborted();
    if (this.unreachable !== undefined && url.pathname.includes(this.unreachable)) throw new TypeError('fetch failed');
    if (this.rejection !== undefined && url.pathname.includes(this.rejection.path)) {
      const { status, code } = this.rejection;
      this.rejection = undefined;
      return errorResponse(status, code);
    }
    const answer = this.#answer(method, url, init);
    if (method === 'POST' && this.lostAnswers > 0) {
      this.lostAnswers--;
      throw new TypeError('the answer is lost');
    }
    return answer;
  };

  /** Appends an event and shows it to the readers. */
  append(
    conversationId: string,
    event: { type: string; payload: unknown; run?: string; attempt?: number; seq?: number },
  ): void {
    const stored = this.#open(conversationId);
    const at = {
      topic: 'conversations',
      partition: 0,
      offset: this.#nextOffset++,
      timestampMs: this.#clock.nowMs(),
    };
    const placed = narrowEvent({ ...event, id: this.#ulid(), stream: `conversations/${conversationId}`, at });
    reduceConversation(stored.conversation, placed);
    stored.events.push(placed);
    for (const reader of stored.readers) this.#write(reader, placed);
  }

  /** A run's attempt begins. */
  start(conversationId: string, run: string, attempt = 1): void {
    this.append(conversationId, {
      type: 'attempt-started',
      run,
      attempt,
      payload: { function: 'f', environment: { id: 'e', pid: 1 }, owner: 's', leaseMs: 1000, keep: 0 },
    });
  }

  /** The next chunk record of a run. */
  chunks(conversationId: string, run: string, chunks: readonly UiChunk[], seq?: number): void {
    const state = this.#open(conversationId).conversation.runs.get(run);
    this.append(conversationId, {
      type: 'chunk',
      run,
      attempt: state?.attempt ?? 1,
      seq: seq ?? state?.nextSeq ?? 0,
      payload: { chunks },
    });
  }

  end(conversationId: string, run: string, outcome = 'done', more: object = {}): void {
    const attempt = this.#open(conversationId).conversation.runs.get(run)?.attempt ?? 0;
    this.append(conversationId, { type: 'run-ended', run, attempt, payload: { outcome, ...more } });
  }

  conversation(conversationId: string): Conversation {
    return this.#open(conversationId).conversation;
  }

  /** The run that was requested last. */
  lastRunId(conversationId: string): string {
    return [...this.conversation(conversationId).runs.keys()].at(-1) ?? '';
  }

  readerCount(conversationId: string): number {
    return this.#stored.get(conversationId)?.readers.size ?? 0;
  }

  /** Says something about the list to every reader of a conversation. */
  summary(conversationId: string, summary: unknown): void {
    for (const reader of this.#open(conversationId).readers)
      reader.controller.enqueue(encoder.encode(`event: summary\ndata: ${JSON.stringify(summary)}\n\n`));
  }

  /** Sends raw text to every reader of a conversation. */
  raw(conversationId: string, text: string): void {
    for (const reader of this.#open(conversationId).readers) reader.controller.enqueue(encoder.encode(text));
  }

  /** Ends all streams, cleanly or with an error. */
  cutReaders(error?: Error): void {
    for (const { readers } of this.#stored.values()) {
      for (const { controller } of readers) {
        if (error === undefined) controller.close();
        else controller.error(error);
      }
      readers.clear();
    }
  }

  /** The server forgets everything, as after its data folder was removed. */
  forget(): void {
    this.cutReaders(new TypeError('terminated'));
    this.#stored.clear();
    this.generation = 'bbbbbbbb';
  }

  #open(conversationId: string): Stored {
    let stored = this.#stored.get(conversationId);
    if (stored === undefined) {
      stored = { conversation: emptyConversation(conversationId), events: [], readers: new Set() };
      this.#stored.set(conversationId, stored);
    }
    return stored;
  }

  #answer(method: string, url: URL, init: RequestInit): Response {
    const [, first, second, id = '', action] = url.pathname.split('/').map(decodeURIComponent);
    const body = init.body === undefined ? {} : (JSON.parse(init.body as string) as Record<string, unknown>);
    if (method === 'POST' && url.pathname === '/api/chat') return this.#chat(body);
    if (method === 'POST' && first === 'api' && action === 'stop') {
      for (const run of this.#open(id).conversation.liveRunIds)
        this.append(id, { type: 'stop-requested', run, payload: {} });
      return jsonResponse(202, {});
    }
    if (second !== 'conversations') return errorResponse(404, 'NOT_FOUND');
    if (id === '') return this.#list(url);
    const stored = this.#stored.get(id);
    if (stored === undefined || stored.events.length === 0 || stored.conversation.isDeleted)
      return errorResponse(404, 'UNKNOWN_CONVERSATION');
    if (method === 'POST') {
      this.append(id, { type: String(body['type']), payload: body['payload'] });
      return jsonResponse(202, { id: body['id'] });
    }
    const token = (offset: bigint): string => `${this.generation}_${String(offset).padStart(20, '0')}_000000`;
    if (action === undefined) {
      const conversation = structuredClone(snapshotOf(stored.conversation));
      return jsonResponse(200, { conversation, offset: token(stored.conversation.lastOffset) });
    }
    const offset = /^([0-9a-f]{8})_(\d{20})_\d{6}$/.exec(url.searchParams.get('offset') ?? '');
    if (offset === null) return errorResponse(400, 'INVALID_ARGUMENT');
    const [, generation, position = ''] = offset;
    if (generation !== this.generation || BigInt(position) >= this.#nextOffset)
      return errorResponse(416, 'OFFSET_OUT_OF_RANGE');
    return this.#events(stored, BigInt(position), init.signal ?? undefined);
  }

  #chat(body: Record<string, unknown>): Response {
    const id = body['id'] as string;
    const messages = body['messages'] as { id: string; parts: unknown[] }[];
    const runId = (body['runId'] as string | undefined) ?? this.#ulid();
    this.bodies.push(body);
    const { conversation } = this.#open(id);
    let known = conversation.runs.get(runId);
    if (known === undefined) {
      const last = messages.at(-1)!;
      if (conversation.lastOffset < 0n) this.append(id, { type: 'conversation-created', payload: { title: 'T' } });
      const isRegenerated = body['trigger'] === 'regenerate-message';
      const parentId = messages.at(-2)?.id ?? visiblePath(conversation).at(-1)?.id ?? null;
      const messageId = body['messageId'] === last.id && !isRegenerated ? `edit-${last.id}` : last.id;
      const parent = messageId === last.id ? parentId : (conversation.messages.get(last.id)?.parentId ?? null);
      if (!isRegenerated)
        this.append(id, {
          type: 'message-created',
          payload: { messageId, parentId: parent, role: 'user', parts: last.parts },
        });
      this.append(id, {
        type: 'run-requested',
        run: runId,
        payload: { messageId, replyId: `reply-${runId}`, function: 'f' },
      });
      known = conversation.runs.get(runId)!;
    }
    return jsonResponse(202, { conversationId: id, messageId: known.messageId, runId, replyId: known.replyId });
  }

  #list(url: URL): Response {
    const isArchived = url.searchParams.get('archived') === 'true';
    const conversations = [...this.#stored.values()]
      .filter(({ conversation: c, events }) => events.length > 0 && !c.isDeleted && c.isArchived === isArchived)
      .map(({ conversation: c }) => ({
        id: c.id,
        title: c.title,
        createdMs: c.createdMs,
        updatedMs: c.changedMs,
        isArchived: c.isArchived,
        isDeleted: false,
        isRunning: c.liveRunIds.size > 0,
      }));
    return jsonResponse(200, { conversations, next: null });
  }

  #events(stored: Stored, after: bigint, signal: AbortSignal | undefined): Response {
    let reader: Reader | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        reader = { controller };
        for (const event of stored.events) if (event.at.offset > after) this.#write(reader, event);
        controller.enqueue(encoder.encode(': hello\n\nevent: caught-up\ndata: {}\n\n'));
        stored.readers.add(reader);
        signal?.addEventListener('abort', () => {
          if (stored.readers.delete(reader!)) controller.error(signal.reason);
        });
      },
      cancel: () => void stored.readers.delete(reader!),
    });
    return new Response(body, { status: 200, headers: { 'content-type': 'text/event-stream' } });
  }

  #write({ controller }: Reader, event: PlacedEvent): void {
    const id = `${this.generation}_${String(event.at.offset).padStart(20, '0')}_000000`;
    controller.enqueue(encoder.encode(`id: ${id}\nevent: event\ndata: ${JSON.stringify(eventToJson(event))}\n\n`));
  }
}

function jsonResponse(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}

function errorResponse(status: number, code: string): Response {
  return jsonResponse(status, { error: { code, message: `rejected with ${code}` } });
}
