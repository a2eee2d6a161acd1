// What an application imports.
export { defineConfig, type FunctionSettings, type Settings, type ThroughlineConfig } from './define-config.ts';
