// The docs model: an AI SDK language model (specification v4) that answers by quoting a folder of documents. It needs no
// key and no network, and it makes nothing up; it is retrieval, not a language model, and says so where nothing matches.
//
//   * Deterministic: the same folder and the same questions give the same stream parts, byte for byte. A second attempt
//     of a run therefore carries on where the first was cut (docs/PROTOCOL.md §4.3).
//   * Tokens are words and punctuation marks, counted the same way in the prompt and in the answer.
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
  SharedV4Warning,
} from '@ai-sdk/provider';
import { delay, silentLogger, ThroughlineError, type Clock, type Logger } from '@throughline/event';
import { modelDefaults } from '../defaults.ts';
import { modelClock } from '../pace.ts';
import { answer, type AnswerOptions, type AnswerPiece } from './answer.ts';
import { openPassageIndex, type PassageIndex } from './passage-index.ts';

export interface DocsModelOptions {
  /** The documents folder. */
  readonly folder: string;
  /** Pause between the words, in milliseconds; 0 streams as fast as it is read. Default 15. */
  readonly paceMs?: number;
  /** Where a page opens a document, with a slash at its end. Default `/docs/`. */
  readonly linkPrefix?: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface DocsModel extends LanguageModelV4 {
  /** Builds the index now instead of at the first question. @throws ThroughlineError DOCS_UNREADABLE */
  prepare(): void;
}

/**
 * A language model that answers with passages of a folder of Markdown, text and HTML files.
 *
 * The folder is looked at again at the start of every answer; what has changed in it is read again.
 *
 * @returns a model for `streamText`; a call throws ThroughlineError DOCS_UNREADABLE when the folder has no document
 * @example const { text } = await generateText({ model: docsModel({ folder: 'docs' }), prompt: 'What is a fold?' })
 */
export function docsModel(options: DocsModelOptions): DocsModel {
  const paceMs = options.paceMs ?? modelDefaults.docsPaceMs;
  if (!Number.isFinite(paceMs) || paceMs < 0)
    throw new ThroughlineError('INVALID_ARGUMENT', 'paceMs: expected 0 or more');
  const clock = options.clock ?? modelClock;
  const logger = options.logger ?? silentLogger;
  let index: PassageIndex | undefined;

  const refresh = (): PassageIndex => {
    index ??= openPassageIndex({
      folder: options.folder,
      limits: {
        fileBytesMax: modelDefaults.docsFileBytesMax,
        fileCountMax: modelDefaults.docsFileCountMax,
        totalBytesMax: modelDefaults.docsTotalBytesMax,
        depthMax: modelDefaults.docsDepthMax,
      },
      passageCharsMax: modelDefaults.passageCharsMax,
    });
    for (const warning of index.refresh()) logger.warn({ folder: options.folder, warning }, 'document left out');
    return index;
  };

  const reply = (call: LanguageModelV4CallOptions): Reply => {
    call.abortSignal?.throwIfAborted();
    const pieces = answer(refresh(), questionsOf(call), answerOptions(options.linkPrefix));
    return { pieces, warnings: unsupported(call), inputTokens: countTokens(promptText(call)) };
  };

  return {
    specificationVersion: 'v4',
    provider: 'throughline',
    modelId: 'docs',
    supportedUrls: {},
    prepare: () => void refresh(),
    async doGenerate(call) {
      const { pieces, warnings, inputTokens } = reply(call);
      const { text, finishReason } = cutTo(pieces.map((piece) => piece.text).join(''), call.maxOutputTokens);
      return {
        content: [
          { type: 'text', text },
          ...pieces.flatMap(({ source }) =>
            source === undefined ? [] : [{ type: 'source' as const, sourceType: 'url' as const, ...source }],
          ),
        ],
        finishReason,
        usage: usageOf(inputTokens, countTokens(text)),
        warnings,
      };
    },
    async doStream(call) {
      const parts = streamParts(reply(call), call.maxOutputTokens);
      const standingCharacters = standingCharactersOf(call);
      return { stream: paced(parts, { paceMs, standingCharacters, clock, signal: call.abortSignal }) };
    },
  };
}

interface Reply {
  readonly pieces: readonly AnswerPiece[];
  readonly warnings: SharedV4Warning[];
  readonly inputTokens: number;
}

function answerOptions(linkPrefix: string | undefined): AnswerOptions {
  return {
    linkPrefix: linkPrefix ?? modelDefaults.docsLinkPrefix,
    passageCountMax: modelDefaults.answerPassageCountMax,
    termCountMax: modelDefaults.questionTermCountMax,
    coverageMin: modelDefaults.coverageMin,
    scoreShareMin: modelDefaults.scoreShareMin,
    followUpShare: modelDefaults.followUpShare,
  };
}

function* streamParts(
  { pieces, warnings, inputTokens }: Reply,
  tokensMax = Infinity,
): Generator<LanguageModelV4StreamPart> {
  const id = 'answer';
  let outputTokens = 0;
  let finishReason: LanguageModelV4FinishReason = { unified: 'stop', raw: undefined };
  yield { type: 'stream-start', warnings };
  yield { type: 'response-metadata', modelId: 'docs' };
  yield { type: 'text-start', id };
  writing: for (const { text, source } of pieces) {
    if (source !== undefined) yield { type: 'source', sourceType: 'url', ...source };
    for (const [word] of text.matchAll(/\s*\S+/g)) {
      const tokens = countTokens(word);
      if (outputTokens + tokens > tokensMax) {
        finishReason = { unified: 'length', raw: undefined };
        break writing;
      }
      outputTokens += tokens;
      yield { type: 'text-delta', id, delta: word };
    }
  }
  yield { type: 'text-end', id };
  yield { type: 'finish', finishReason, usage: usageOf(inputTokens, outputTokens) };
}

interface PaceOptions {
  readonly paceMs: number;
  readonly standingCharacters: number;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

/** `providerOptions.throughline.standingCharacters`: how much of this very answer its reader has before it begins. */
function standingCharactersOf({ providerOptions }: LanguageModelV4CallOptions): number {
  const given = providerOptions?.['throughline']?.['standingCharacters'];
  return typeof given === 'number' && given > 0 ? given : 0;
}

function paced(
  parts: Generator<LanguageModelV4StreamPart>,
  { paceMs, standingCharacters, clock, signal }: PaceOptions,
): ReadableStream<LanguageModelV4StreamPart> {
  // Due times, not pauses: a late timer is made up for by the next one, so that the pace holds on a busy machine.
  // The first word is due at once: whoever has asked waits for it.
  let dueMs = clock.monotonicMs() - paceMs;
  // What a killed attempt has shown already is written again at once: nobody is waiting to read it.
  let hurriedCharacters = standingCharacters;
  return new ReadableStream<LanguageModelV4StreamPart>(
    {
      async pull(controller) {
        signal?.throwIfAborted();
        const { done, value } = parts.next();
        if (done === true) return controller.close();
        if (value.type === 'text-delta' && hurriedCharacters > 0) {
          hurriedCharacters -= value.delta.length;
          dueMs = clock.monotonicMs();
        } else if (value.type === 'text-delta' && paceMs > 0) {
          dueMs = Math.max(dueMs + paceMs, clock.monotonicMs() - paceMs);
          const waitMs = dueMs - clock.monotonicMs();
          if (waitMs > 0) await delay(clock, waitMs, signal);
        }
        controller.enqueue(value);
      },
      cancel: () => void parts.return(undefined),
    },
    { highWaterMark: 0 },
  );
}

function cutTo(text: string, tokensMax = Infinity): { text: string; finishReason: LanguageModelV4FinishReason } {
  let tokens = 0;
  let kept = '';
  for (const [word] of text.matchAll(/\s*\S+/g)) {
    tokens += countTokens(word);
    if (tokens > tokensMax) return { text: kept, finishReason: { unified: 'length', raw: undefined } };
    kept += word;
  }
  return { text: kept, finishReason: { unified: 'stop', raw: undefined } };
}

function questionsOf({ prompt }: LanguageModelV4CallOptions): string[] {
  return prompt.flatMap((message) =>
    message.role === 'user'
      ? [message.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')]
      : [],
  );
}

function promptText({ prompt }: LanguageModelV4CallOptions): string {
  return prompt
    .map(({ content }) =>
      typeof content === 'string'
        ? content
        : content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n'),
    )
    .join('\n');
}

/** What a caller asks for and this model does not do. */
function unsupported(call: LanguageModelV4CallOptions): SharedV4Warning[] {
  const features: string[] = [];
  if (call.tools !== undefined && call.tools.length > 0) features.push('tools');
  if (call.responseFormat?.type === 'json') features.push('responseFormat');
  if (call.stopSequences !== undefined && call.stopSequences.length > 0) features.push('stopSequences');
  return features.map((feature) => ({
    type: 'unsupported',
    feature,
    details: 'The docs model only quotes documents.',
  }));
}

function countTokens(text: string): number {
  return text.match(/[\p{L}\p{N}\p{M}]+|[^\s\p{L}\p{N}\p{M}]/gu)?.length ?? 0;
}

function usageOf(inputTokens: number, outputTokens: number): LanguageModelV4Usage {
  return {
    inputTokens: { total: inputTokens, noCache: inputTokens, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: outputTokens, text: outputTokens, reasoning: 0 },
  };
}
