// Every API that is answered. What later issues bring is absent here, and so absent from ApiVersions.
import { apiVersionsHandler } from './api-versions.ts';
import type { Handler } from './handler.ts';
import { metadata } from './metadata.ts';
import { produce } from './produce.ts';

/** In order of their keys. */
export const handlers: readonly Handler[] = [produce, metadata, apiVersionsHandler(() => handlers)];

const byKey = new Map(handlers.map((one) => [one.api.key, one]));

/** The handler of an API key, or undefined for one that is not answered. */
export function handlerOf(apiKey: number): Handler | undefined {
  return byKey.get(apiKey);
}
