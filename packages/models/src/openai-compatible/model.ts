// A model behind any server that speaks OpenAI's chat completions (Ollama, LM Studio, vLLM, llama.cpp, a vendor), through
// the AI SDK's own provider. What this adds is certainty about the end:
//
//   before the first token   a failure that can pass (no connection, silence, 408, 429, 5xx, cut) is tried once more
//   after the first token    never: a second answer would not continue the first. The stream ends with an error part
//   no finish reason, no [DONE]   the answer was cut, however cleanly the connection ended: MODEL_CUT, never success
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError,
  InvalidResponseDataError,
  type LanguageModelV4,
  type LanguageModelV4CallOptions,
  type LanguageModelV4StreamPart,
  type LanguageModelV4StreamResult,
} from '@ai-sdk/provider';
import { delay, ThroughlineError, type Clock } from '@throughline/event';
import { modelDefaults } from '../defaults.ts';
import { modelError, printable } from '../error-text.ts';
import { modelClock } from '../pace.ts';
import { watchRequest, type Watch } from './watched-fetch.ts';

export interface OpenAICompatibleModelOptions {
  /** The base address, for instance `http://127.0.0.1:11434/v1`. */
  readonly url: string;
  /** The model's name on that server. */
  readonly modelId: string;
  /** Sent as `authorization: Bearer …`; absent for servers that want none. */
  readonly apiKey?: string;
  /** Silence after which the server is given up, in milliseconds. Default 60 000. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/**
 * A language model on an OpenAI-compatible server.
 *
 * @returns a model for `streamText`; its failures are ThroughlineErrors MODEL_UNREACHABLE, MODEL_REFUSED,
 *   MODEL_TIMED_OUT, MODEL_CUT, MODEL_OUTPUT_INVALID
 * @throws ThroughlineError INVALID_ARGUMENT when `url` is no http address
 * @example const model = openAICompatibleModel({ url: 'http://127.0.0.1:11434/v1', modelId: 'qwen3' })
 */
export function openAICompatibleModel(options: OpenAICompatibleModelOptions): LanguageModelV4 {
  const { url, modelId } = options;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new ThroughlineError('INVALID_ARGUMENT', `url: expected an http address, got ${JSON.stringify(url)}`);
  }
  const connection: Connection = {
    ...options,
    timeoutMs: options.timeoutMs ?? modelDefaults.modelTimeoutMs,
    clock: options.clock ?? modelClock,
  };
  return {
    specificationVersion: 'v4',
    provider: 'openai-compatible',
    modelId,
    supportedUrls: {},
    doGenerate: (call) =>
      withOneRetry(connection, call, async (attempt) => {
        try {
          return await attempt.model.doGenerate(attempt.call);
        } finally {
          attempt.watch.end();
        }
      }),
    doStream: (call) => withOneRetry(connection, call, openStream),
  };
}

interface Connection extends OpenAICompatibleModelOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
}

interface Attempt {
  readonly model: LanguageModelV4;
  readonly call: LanguageModelV4CallOptions;
  readonly watch: Watch;
  readonly fail: (error: unknown) => unknown;
}

async function withOneRetry<Result>(
  connection: Connection,
  call: LanguageModelV4CallOptions,
  use: (attempt: Attempt) => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    const attempt = begin(connection, call);
    try {
      return await use(attempt);
    } catch (error) {
      attempt.watch.end();
      if (call.abortSignal?.aborted === true) throw call.abortSignal.reason;
      const failure = attempt.fail(error);
      const waitMs = retryDelayMs(error, attempt.watch);
      if (tries > 1 || waitMs === undefined || ThroughlineError.is(failure, 'MODEL_TIMED_OUT')) throw failure;
      await delay(connection.clock, waitMs, call.abortSignal);
    }
  }
}

function begin(connection: Connection, call: LanguageModelV4CallOptions): Attempt {
  const { url, modelId, apiKey, timeoutMs, clock } = connection;
  const watch = watchRequest({
    url: new URL(url).origin,
    silenceMsMax: timeoutMs,
    bodyBytesMax: modelDefaults.modelAnswerBytesMax,
    clock,
  });
  const provider = createOpenAICompatible({
    name: 'openai-compatible',
    baseURL: url,
    includeUsage: true,
    fetch: watch.fetch,
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  const signals = call.abortSignal === undefined ? [watch.signal] : [call.abortSignal, watch.signal];
  return {
    model: provider.chatModel(modelId),
    call: { ...call, abortSignal: AbortSignal.any(signals) },
    watch,
    fail(error) {
      if (call.abortSignal?.aborted === true) return call.abortSignal.reason;
      return withoutKey(watch.signal.aborted ? watch.signal.reason : failureOf(error, watch, url), apiKey);
    },
  };
}

/** Opens the stream and reads up to the first token, so that everything that fails before it can be tried again. */
async function openStream({ model, call, watch, fail }: Attempt): Promise<LanguageModelV4StreamResult> {
  const result = await model.doStream(call);
  const reader = result.stream.getReader();
  const head: LanguageModelV4StreamPart[] = [];
  let isEnded = false;
  while (!isEnded && !head.some(isOutput)) {
    const { done, value } = await reader.read();
    if (done) isEnded = true;
    else if (value.type === 'error' && !isMissingReasonOnly(value.error, watch)) {
      await reader.cancel();
      throw value.error;
    } else if (value.type !== 'error') head.push(value);
  }
  const take = async (): Promise<LanguageModelV4StreamPart | undefined> => head.shift() ?? (await reader.read()).value;
  const finish = async (controller: ReadableStreamDefaultController<LanguageModelV4StreamPart>, error?: unknown) => {
    watch.end();
    if (error !== undefined) controller.enqueue({ type: 'error', error });
    controller.close();
    await reader.cancel();
  };
  const stream = new ReadableStream<LanguageModelV4StreamPart>(
    {
      async pull(controller) {
        try {
          let part = await take();
          while (part?.type === 'error' && isMissingReasonOnly(part.error, watch)) part = await take();
          if (part === undefined) return await finish(controller);
          if (part.type === 'error') return await finish(controller, fail(part.error));
          controller.enqueue(part.type === 'finish' ? withReason(part, watch) : part);
        } catch (error) {
          const failure = fail(error);
          // The caller's own abort is not an answer's error: the stream rejects, as the AI SDK expects.
          if (call.abortSignal?.aborted === true && !watch.signal.aborted) {
            watch.end();
            return controller.error(failure);
          }
          await finish(controller, failure);
        }
      },
      async cancel(reason) {
        watch.end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return { ...result, stream };
}

type FinishPart = Extract<LanguageModelV4StreamPart, { type: 'finish' }>;

/** `[DONE]` without a finish reason is a complete answer of a sloppy server. */
function withReason(part: FinishPart, watch: Watch): FinishPart {
  const isSloppy = watch.isDone && part.finishReason.unified === 'error' && part.finishReason.raw === undefined;
  return isSloppy ? { ...part, finishReason: { unified: 'other', raw: undefined } } : part;
}

function isMissingReasonOnly(error: unknown, watch: Watch): boolean {
  return watch.isDone && isMissingReason(error);
}

function isMissingReason(error: unknown): boolean {
  return InvalidResponseDataError.isInstance(error) && error.data === undefined;
}

function isNoEventStream(watch: Watch): boolean {
  return watch.bodyBytes > 0 && !watch.hasEvents;
}

function isOutput({ type }: LanguageModelV4StreamPart): boolean {
  return type !== 'stream-start' && type !== 'response-metadata' && type !== 'raw' && type !== 'ping';
}

function failureOf(error: unknown, watch: Watch, url: string): ThroughlineError {
  const { origin } = new URL(url);
  if (isMissingReason(error)) {
    return isNoEventStream(watch)
      ? new ThroughlineError('MODEL_OUTPUT_INVALID', `${origin} sent no event stream`, { cause: error })
      : new ThroughlineError('MODEL_CUT', `${origin} ended its answer without a finish reason`, { cause: error });
  }
  // An `error` object in the stream: the server's own words.
  if (!(error instanceof Error)) {
    const words = (error as { message?: unknown } | null)?.message;
    const said = typeof words === 'string' ? words : JSON.stringify(error);
    return new ThroughlineError('MODEL_REFUSED', printable(`${origin} said: ${said}`), { cause: error });
  }
  const failure = modelError(error);
  // Once the server has answered, a lost connection is a cut answer.
  if (watch.hasAnswered && failure.code === 'MODEL_UNREACHABLE' && !hasStatus(error)) {
    return new ThroughlineError('MODEL_CUT', failure.message, { cause: error });
  }
  return failure.code === 'FUNCTION_ERROR'
    ? new ThroughlineError(watch.hasAnswered ? 'MODEL_CUT' : 'MODEL_UNREACHABLE', failure.message, { cause: error })
    : failure;
}

function hasStatus(error: unknown): boolean {
  return APICallError.isInstance(error) && error.statusCode !== undefined;
}

/** How long to wait before the retry, or undefined when the same request would fail again. */
function retryDelayMs(error: unknown, watch: Watch): number | undefined {
  if (isMissingReason(error)) return isNoEventStream(watch) ? undefined : modelDefaults.modelRetryDelayMs;
  if (!APICallError.isInstance(error)) return undefined;
  const isPassing = error.isRetryable || (error.statusCode !== undefined && error.statusCode < 400);
  if (!isPassing || modelError(error).code === 'MODEL_OUTPUT_INVALID') return undefined;
  const seconds = Number(error.responseHeaders?.['retry-after']);
  if (!Number.isFinite(seconds)) return modelDefaults.modelRetryDelayMs;
  const waitMs = seconds * 1000;
  return waitMs <= modelDefaults.modelRetryAfterMsMax ? Math.max(waitMs, modelDefaults.modelRetryDelayMs) : undefined;
}

/** Servers like to repeat the key that they reject. */
function withoutKey(failure: unknown, apiKey: string | undefined): unknown {
  if (apiKey === undefined || apiKey === '' || !ThroughlineError.is(failure)) return failure;
  if (!failure.message.includes(apiKey)) return failure;
  return new ThroughlineError(failure.code, failure.message.replaceAll(apiKey, '[key]'));
}
