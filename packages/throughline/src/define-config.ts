// What a user writes in throughline.config.ts: types, and nothing that has to be loaded for them.
import type { ThroughlineConfig } from './config-schema.ts';

/**
 * Types the configuration of an application; returns it unchanged.
 *
 * @example export default defineConfig({ functions: { answer: { entry: './answer.ts' } } })
 */
export function defineConfig(config: ThroughlineConfig): ThroughlineConfig {
  return config;
}
