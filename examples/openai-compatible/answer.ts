// The function that answers: a system prompt, the conversation, and the model that the configuration names.
import { pipeline } from 'node:stream/promises';
import { errorText, languageModel, messageMetadata } from '@throughline/models';
import { convertToModelMessages, JsonToSseTransformStream, streamText, type UIMessage } from 'ai';

interface Question {
  readonly messages: UIMessage[];
  readonly replyId: string;
}

const model = languageModel();

export const handler = awslambda.streamifyResponse(async (question: Question, responseStream, context) => {
  const answer = streamText({
    model,
    system: 'Answer briefly and plainly. Say so when you do not know.',
    messages: await convertToModelMessages(question.messages),
    abortSignal: context.signal,
  });
  const chunks = answer.toUIMessageStream({
    generateMessageId: () => question.replyId,
    messageMetadata: messageMetadata(model),
    onError: errorText,
  });
  await pipeline(chunks.pipeThrough(new JsonToSseTransformStream()), responseStream);
});
