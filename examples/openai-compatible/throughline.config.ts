// The same application with a language model behind it: any server that speaks OpenAI's chat completions.
import { defineConfig } from 'throughline';

export default defineConfig({
  functions: {
    answer: {
      entry: './answer.ts',
      // Price your model (US dollars for a million tokens) and every reply says what it cost.
      environment: { THROUGHLINE_MODEL_PRICES: '{"qwen3": {"inputUsd": 0, "outputUsd": 0}}' },
    },
  },
  model: 'openai-compatible',
  // Ollama's address. LM Studio: http://127.0.0.1:1234/v1 · vLLM: http://127.0.0.1:8000/v1
  modelUrl: 'http://127.0.0.1:11434/v1',
  modelId: 'qwen3',
});
