// Public surface of the models: what a function imports to answer.
export { languageModel, type LanguageModelOptions } from './choose.ts';
export { docsModel, type DocsModel, type DocsModelOptions } from './docs/model.ts';
export { openAICompatibleModel, type OpenAICompatibleModelOptions } from './openai-compatible/model.ts';
export { errorText, modelError } from './error-text.ts';
export { messageMetadata, type ModelPrice, type ModelPrices, type ReplyMetadata } from './metadata.ts';
export { modelDefaults } from './defaults.ts';
