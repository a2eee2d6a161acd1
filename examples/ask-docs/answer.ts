// The function that answers a conversation: what an AI SDK user would write, on AWS Lambda's streaming handler. It sleeps
// until a question is on the log; Throughline reads what it streams and puts it there.
import { pipeline } from 'node:stream/promises';
import { errorText, languageModel, messageMetadata } from '@throughline/models';
import { convertToModelMessages, JsonToSseTransformStream, streamText, type UIMessage } from 'ai';

interface Question {
  /** The conversation up to the question. */
  readonly messages: UIMessage[];
  /** The id that the answer gets. */
  readonly replyId: string;
  /** How much of the answer is on the log already, when an earlier attempt was killed. */
  readonly standingCharacters: number;
}

// The docs model, or what `--model` names. Made once for each process, before the first question.
const model = languageModel();

export const handler = awslambda.streamifyResponse(async (question: Question, responseStream, context) => {
  const answer = streamText({
    model,
    messages: await convertToModelMessages(question.messages),
    // Stop on the page ends the model's work, not only the display.
    abortSignal: context.signal,
    // The docs model hurries through what its reader has already.
    providerOptions: { throughline: { standingCharacters: question.standingCharacters } },
  });
  const chunks = answer.toUIMessageStream({
    generateMessageId: () => question.replyId,
    sendSources: true,
    messageMetadata: messageMetadata(model),
    onError: errorText,
  });
  await pipeline(chunks.pipeThrough(new JsonToSseTransformStream()), responseStream);
});
