// What a reply says about itself: the model that wrote it, the tokens that it took, and what they cost. It travels as
// `messageMetadata` of the UI message stream's `finish` chunk; the supervisor copies it into `run-ended`.
import { parse, number, object, optional, record, ThroughlineError } from '@throughline/event';
import type { LanguageModelUsage, TextStreamPart, ToolSet } from 'ai';

/** US dollars for a million tokens. */
export interface ModelPrice {
  readonly inputUsd: number;
  readonly outputUsd: number;
  /** For input tokens that the provider read from its cache; the price of other input where absent. */
  readonly cachedInputUsd?: number;
}

/** Prices by model id. */
export type ModelPrices = Readonly<Record<string, ModelPrice>>;

export interface ReplyMetadata {
  readonly model: string;
  readonly usage: {
    readonly inputTokens?: number;
    readonly outputTokens?: number;
    readonly reasoningTokens?: number;
    readonly cachedInputTokens?: number;
  };
  /** Absent where the price of the model is not known. */
  readonly costUsd?: number;
}

const price = number({ min: 0 });
const pricesSchema = record(object({ inputUsd: price, outputUsd: price, cachedInputUsd: optional(price) }));

/**
 * The `messageMetadata` option of `toUIMessageStream`: model, usage and cost on the last chunk of a reply.
 *
 * @param prices US dollars for a million tokens, by model id; without it, what THROUGHLINE_MODEL_PRICES (JSON) says.
 *   The docs model costs nothing; the cost of any other model without a price is left out.
 * @throws ThroughlineError CONFIG_INVALID when THROUGHLINE_MODEL_PRICES cannot be used
 * @example result.toUIMessageStream({ messageMetadata: messageMetadata(model) })
 */
export function messageMetadata(
  model: { readonly modelId: string },
  prices: ModelPrices = pricesFrom(process.env['THROUGHLINE_MODEL_PRICES']),
): (options: { part: TextStreamPart<ToolSet> }) => ReplyMetadata | undefined {
  return ({ part }) => (part.type === 'finish' ? replyMetadata(model.modelId, part.totalUsage, prices) : undefined);
}

export function replyMetadata(model: string, used: LanguageModelUsage, prices: ModelPrices): ReplyMetadata {
  const cachedInputTokens = used.inputTokenDetails.cacheReadTokens;
  const reasoningTokens = used.outputTokenDetails.reasoningTokens;
  const costUsd = cost(model === 'docs' ? { inputUsd: 0, outputUsd: 0 } : prices[model], used);
  return {
    model,
    usage: {
      ...(used.inputTokens === undefined ? {} : { inputTokens: used.inputTokens }),
      ...(used.outputTokens === undefined ? {} : { outputTokens: used.outputTokens }),
      ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
      ...(cachedInputTokens === undefined ? {} : { cachedInputTokens }),
    },
    ...(costUsd === undefined ? {} : { costUsd }),
  };
}

function cost(modelPrice: ModelPrice | undefined, used: LanguageModelUsage): number | undefined {
  if (modelPrice === undefined || used.inputTokens === undefined || used.outputTokens === undefined) return undefined;
  const cached = used.inputTokenDetails.cacheReadTokens ?? 0;
  const { inputUsd, outputUsd, cachedInputUsd = inputUsd } = modelPrice;
  const millionths = (used.inputTokens - cached) * inputUsd + cached * cachedInputUsd + used.outputTokens * outputUsd;
  return millionths / 1_000_000;
}

function pricesFrom(json: string | undefined): ModelPrices {
  if (json === undefined || json === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ThroughlineError('CONFIG_INVALID', 'THROUGHLINE_MODEL_PRICES is no JSON', { cause });
  }
  const problem = pricesSchema.problem(value, 'THROUGHLINE_MODEL_PRICES');
  if (problem !== undefined) throw new ThroughlineError('CONFIG_INVALID', problem);
  return parse(pricesSchema, value, 'CONFIG_INVALID');
}
