// The model that a function's environment names. Throughline sets the variables; a function that is run by itself reads
// the same ones from the shell:
//
//   THROUGHLINE_MODEL             docs (default) or openai-compatible
//   THROUGHLINE_DOCS_DIR          docs: the documents folder
//   THROUGHLINE_DOCS_PACE_MS      docs: pause between words
//   THROUGHLINE_MODEL_URL         openai-compatible: base address, with its /v1
//   THROUGHLINE_MODEL_ID          openai-compatible: the model's name on that server
//   THROUGHLINE_MODEL_KEY         openai-compatible: the key, where one is wanted
//   THROUGHLINE_MODEL_TIMEOUT_MS  openai-compatible: silence after which the server is given up
import type { LanguageModelV4 } from '@ai-sdk/provider';
import { silentLogger, ThroughlineError, type Logger } from '@throughline/event';
import { docsModel } from './docs/model.ts';
import { openAICompatibleModel } from './openai-compatible/model.ts';

export interface LanguageModelOptions {
  /** Where the variables are read from. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly logger?: Logger;
}

/**
 * The language model that the environment names, ready for `streamText`.
 *
 * Call it once, when the function is loaded: the docs model then builds its index before the first question arrives.
 *
 * @throws ThroughlineError CONFIG_INVALID when a variable is missing or has a value that cannot be used
 * @example const model = languageModel()
 */
export function languageModel(options: LanguageModelOptions = {}): LanguageModelV4 {
  const env = options.env ?? process.env;
  const name = text(env, 'THROUGHLINE_MODEL') ?? 'docs';
  switch (name) {
    case 'docs':
      return docs(env, options.logger ?? silentLogger);
    case 'openai-compatible':
      return openAICompatible(env);
    default:
      throw invalid(`THROUGHLINE_MODEL: expected docs or openai-compatible, got ${JSON.stringify(name)}`);
  }
}

function docs(env: Env, logger: Logger): LanguageModelV4 {
  const folder = text(env, 'THROUGHLINE_DOCS_DIR');
  if (folder === undefined) throw invalid('THROUGHLINE_DOCS_DIR: the docs model needs a folder of documents');
  const paceMs = milliseconds(env, 'THROUGHLINE_DOCS_PACE_MS');
  const model = docsModel({ folder, logger, ...(paceMs === undefined ? {} : { paceMs }) });
  try {
    model.prepare();
  } catch (error) {
    // The first question looks again and reports it where a person sees it.
    logger.warn({ folder, error: ThroughlineError.from(error) }, 'the documents cannot be indexed yet');
  }
  return model;
}

function openAICompatible(env: Env): LanguageModelV4 {
  const url = text(env, 'THROUGHLINE_MODEL_URL');
  const modelId = text(env, 'THROUGHLINE_MODEL_ID');
  const apiKey = text(env, 'THROUGHLINE_MODEL_KEY');
  const timeoutMs = milliseconds(env, 'THROUGHLINE_MODEL_TIMEOUT_MS');
  if (url === undefined)
    throw invalid('--model-url (THROUGHLINE_MODEL_URL): the address of the model server is missing');
  if (modelId === undefined) throw invalid('--model-id (THROUGHLINE_MODEL_ID): the name of the model is missing');
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw invalid(`--model-url (THROUGHLINE_MODEL_URL): expected an http address, got ${JSON.stringify(url)}`);
  }
  return openAICompatibleModel({
    url,
    modelId,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

type Env = Readonly<Record<string, string | undefined>>;

function text(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function milliseconds(env: Env, name: string): number | undefined {
  const value = text(env, name);
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value)) throw invalid(`${name}: expected milliseconds, got ${JSON.stringify(value)}`);
  return Number(value);
}

function invalid(message: string): ThroughlineError {
  return new ThroughlineError('CONFIG_INVALID', message);
}
