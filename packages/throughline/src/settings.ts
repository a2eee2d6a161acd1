// The names of the settings: what each is called as a flag and in the environment. Free of any library, because the
// launcher needs nothing else of the configuration, and it stands between a user and a running server.

/** Environment variable of each setting; the flag is its name in kebab case. */
export const environmentNames = {
  httpPort: 'THROUGHLINE_HTTP_PORT',
  kafkaPort: 'THROUGHLINE_KAFKA_PORT',
  host: 'THROUGHLINE_HOST',
  dataDir: 'THROUGHLINE_DATA_DIR',
  docs: 'THROUGHLINE_DOCS',
  model: 'THROUGHLINE_MODEL',
  modelUrl: 'THROUGHLINE_MODEL_URL',
  modelId: 'THROUGHLINE_MODEL_ID',
  log: 'THROUGHLINE_LOG',
  longPollMs: 'THROUGHLINE_LONG_POLL_MS',
  durability: 'THROUGHLINE_DURABILITY',
} as const;

export type SettingName = keyof typeof environmentNames;
export const settingNames = Object.keys(environmentNames) as readonly SettingName[];

/** `httpPort` → `--http-port` */
export function flagOf(name: SettingName): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
