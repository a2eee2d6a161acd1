// Everything outside that the rooms of this package work with, handed in once by `createClient`.
import type { Clock, Logger, Random } from '@throughline/event';
import type { StateSettings } from './defaults.ts';
import type { Http } from './http.ts';
import type { Page } from './page.ts';
import type { Tabs } from './tabs.ts';

/** The part of the browser's Storage that is used. */
export interface OutboxStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface ClientEnvironment {
  readonly http: Http;
  readonly page: Page;
  readonly clock: Clock;
  readonly random: Random;
  readonly ulid: () => string;
  readonly logger: Logger;
  readonly settings: StateSettings;
  readonly storage: OutboxStorage | undefined;
  readonly tabs: Tabs;
}
