// Readers of a conversation as tests and benchmarks need them: the AI SDK's stream read by hand, chunk by chunk with the
// time of each, over plain fetch.

export interface Chunk {
  readonly type: string;
  readonly delta?: string;
  readonly errorText?: string;
  readonly messageId?: string;
}

/** The events of a server-sent event stream: id, event name and data. */
export async function* sseEvents(response: Response): AsyncGenerator<{ id: string; event: string; data: string }> {
  if (response.body === null) return;
  let rest = '';
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    rest += text;
    for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
      const block = rest.slice(0, end);
      rest = rest.slice(end + 2);
      const found = { id: '', event: 'message', data: '' };
      for (const line of block.split('\n')) {
        if (line.startsWith('id:')) found.id = line.slice(3).trim();
        else if (line.startsWith('event:')) found.event = line.slice(6).trim();
        else if (line.startsWith('data:')) found.data += line.slice(5).trimStart();
      }
      if (found.data !== '') yield found;
    }
  }
}

/** The chunks of an AI SDK UI message stream; ends at `[DONE]`, throws when the connection is cut before it. */
export async function* uiChunks(response: Response): AsyncGenerator<Chunk> {
  for await (const { data } of sseEvents(response)) {
    if (data === '[DONE]') return;
    yield JSON.parse(data) as Chunk;
  }
  throw new Error('the stream ended without [DONE]');
}

/** Asks a question as the stock transport of the AI SDK does. */
export function postQuestion(
  url: string,
  conversationId: string,
  messageId: string,
  text: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}/api/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      id: conversationId,
      trigger: 'submit-message',
      messages: [{ id: messageId, role: 'user', parts: [{ type: 'text', text }] }],
    }),
  });
}
