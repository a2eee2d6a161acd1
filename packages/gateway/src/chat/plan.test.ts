import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  conversationStream,
  emptyConversation,
  narrowEvent,
  reduceConversation,
  ThroughlineError,
  toUiMessage,
  visiblePath,
  type Conversation,
  type RawEvent,
} from '@throughline/event';
import * as fc from 'fast-check';
import type { ChatBody } from './chat-body.ts';
import { planChat, type ChatPlan } from './plan.ts';

let ulidCount = 0;
const context = {
  ulid: () => `01J${String(++ulidCount).padStart(23, '0')}`,
  functionName: 'answer',
  liveRunsMax: 1_000,
};
let offset = 0n;

/** What the log would do with the plan's events. */
function keep(conversation: Conversation, events: readonly RawEvent[]): void {
  for (const event of events) {
    const at = { topic: 'conversations', partition: 0, offset: offset++, timestampMs: 1 };
    assert.equal(reduceConversation(conversation, narrowEvent({ ...event, at })).verdict, 'counts');
  }
}

function end(conversation: Conversation, { runId }: ChatPlan): void {
  const stream = conversationStream(conversation.id);
  const event = { type: 'run-ended', id: context.ulid(), stream, run: runId, attempt: 0, payload: { outcome: 'done' } };
  keep(conversation, [event]);
}

function plan(conversation: Conversation, body: Partial<ChatBody>): ChatPlan {
  const planned = planChat(conversation, { id: conversation.id, messages: [], ...body }, context);
  keep(conversation, planned.events);
  return planned;
}

const user = (id: string, text: string) => ({ id, role: 'user' as const, parts: [{ type: 'text', text }] });
const types = ({ events }: ChatPlan): string[] => events.map(({ type }) => type);

test('a first question creates the conversation, named after it', () => {
  const conversation = emptyConversation('c');
  const first = plan(conversation, { messages: [user('q1', 'What now?')] });
  assert.deepEqual(types(first), ['conversation-created', 'message-created', 'run-requested']);
  assert.equal(conversation.title, 'What now?');
});

test('a body of the last message alone goes on at the end of the visible path', () => {
  const conversation = emptyConversation('c');
  const first = plan(conversation, { messages: [user('q1', 'one')] });
  plan(conversation, { messages: [user('q2', 'two')] });
  assert.equal(conversation.messages.get('q2')?.parentId, first.replyId);
});

test('a message before the last that is known is the parent, whichever branch is shown', () => {
  const conversation = emptyConversation('c');
  const first = plan(conversation, { messages: [user('q1', 'one')] });
  plan(conversation, { trigger: 'regenerate-message', messages: [user('q1', 'one')] });
  const reply = { id: first.replyId, role: 'assistant' as const, parts: [] };
  plan(conversation, { messages: [user('q1', 'one'), reply, user('q2', 'two')] });
  assert.equal(conversation.messages.get('q2')?.parentId, first.replyId);
});

test('the same edit sent twice is one message; while its reply is written it is one run, afterwards it is asked anew', () => {
  const conversation = emptyConversation('c');
  end(conversation, plan(conversation, { messages: [user('q1', 'one')] }));
  const edit = { messages: [user('q1', 'uno')], messageId: 'q1' };
  const edited = plan(conversation, edit);
  assert.deepEqual(types(edited), ['message-created', 'run-requested']);
  assert.deepEqual(plan(conversation, edit), { ...edited, events: [] });
  end(conversation, edited);
  const anew = plan(conversation, edit);
  assert.deepEqual(types(anew), ['run-requested']);
  assert.equal(anew.messageId, edited.messageId);
  assert.deepEqual(conversation.rootIds, ['q1', edited.messageId]);
});

test('a known id with other content is never taken for a retry', () => {
  const conversation = emptyConversation('c');
  plan(conversation, { messages: [user('q1', 'one')] });
  const other = plan(conversation, { messages: [user('q1', 'other')] });
  assert.notEqual(other.messageId, 'q1');
  assert.deepEqual(types(other), ['message-created', 'run-requested']);
});

test('regenerate answers the question of the reply it names, also where the body shows another branch', () => {
  const conversation = emptyConversation('c');
  const first = plan(conversation, { messages: [user('q1', 'one')] });
  plan(conversation, { messages: [user('q2', 'two')] });
  const again = plan(conversation, {
    trigger: 'regenerate-message',
    messageId: first.replyId,
    messages: [user('q1', 'one')],
  });
  assert.equal(again.messageId, 'q1');
  const byQuestion = plan(conversation, {
    trigger: 'regenerate-message',
    messageId: 'q2',
    messages: [user('q2', 'two')],
  });
  assert.equal(byQuestion.messageId, 'q2');
});

test('trying again after an edit that never arrived asks the edited question', () => {
  const conversation = emptyConversation('c');
  end(conversation, plan(conversation, { messages: [user('q1', 'one')] }));
  const again = plan(conversation, { trigger: 'regenerate-message', messages: [user('q1', 'uno')] });
  assert.deepEqual(types(again), ['message-created', 'run-requested']);
  assert.equal(
    plan(conversation, { trigger: 'regenerate-message', messages: [user('q1', 'uno')] }).messageId,
    again.messageId,
  );
});

test('an id of a reply cannot be posted as a question, and a deleted conversation takes none', () => {
  const conversation = emptyConversation('c');
  const { replyId } = plan(conversation, { messages: [user('q1', 'one')] });
  const posting = (body: Partial<ChatBody>) => () => plan(conversation, body);
  assert.throws(posting({ messages: [user(replyId, 'x')] }), (error) => ThroughlineError.is(error, 'INVALID_ARGUMENT'));
  conversation.isDeleted = true;
  assert.throws(posting({ messages: [user('q2', 'x')] }), (error) =>
    ThroughlineError.is(error, 'UNKNOWN_CONVERSATION'),
  );
});

test('whatever a client does, the path that the model sees is the one that the client shows', () => {
  const action = fc.record({
    kind: fc.constantFrom('ask', 'ask', 'ask', 'regenerate', 'edit'),
    at: fc.nat(20),
    onlyLast: fc.boolean(),
    isSentTwice: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 25, size: 'max' }), (actions) => {
      const conversation = emptyConversation('c');
      // What an AI SDK chat has in `messages`; ids of replies come from the server, the others from the client.
      let shown: { id: string; role: 'user' | 'assistant'; parts: { type: string; text: string }[] }[] = [];
      let texts = 0;
      for (const { kind, at, onlyLast, isSentTwice } of actions) {
        const questions = shown.filter(({ role }) => role === 'user');
        const question = questions[at % Math.max(1, questions.length)];
        let body: Partial<ChatBody>;
        if (kind === 'ask' || question === undefined) {
          shown = [...shown, user(`q${++texts}`, `text ${texts}`)];
          body = { trigger: 'submit-message', messages: onlyLast ? shown.slice(-1) : shown };
        } else if (kind === 'edit') {
          const changed = user(question.id, `text ${++texts}`);
          shown = [...shown.slice(0, shown.indexOf(question)), changed];
          body = { trigger: 'submit-message', messages: shown, messageId: question.id };
        } else {
          const replyId = shown[shown.indexOf(question) + 1]?.id;
          shown = shown.slice(0, shown.indexOf(question) + 1);
          body = {
            trigger: 'regenerate-message',
            messages: shown,
            ...(replyId === undefined ? {} : { messageId: replyId }),
          };
        }
        const planned = plan(conversation, body);
        if (isSentTwice && kind !== 'regenerate')
          assert.deepEqual(plan(conversation, body), { ...planned, events: [] });
        end(conversation, planned);
        shown = [...shown, { id: planned.replyId, role: 'assistant', parts: [] }];
        const path = visiblePath(conversation).map(toUiMessage);
        assert.deepEqual(
          path.map(({ role, parts }) => [role, parts]),
          shown.map(({ role, parts }) => [role, parts]),
        );
      }
    }),
    { numRuns: 150 },
  );
});
