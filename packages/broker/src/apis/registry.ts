// Every API that is answered. What later issues bring is absent here, and so absent from ApiVersions.
import { apiVersionsHandler } from './api-versions.ts';
import { deleteRecords } from './delete-records.ts';
import { fetch } from './fetch.ts';
import type { Handler } from './handler.ts';
import { initProducerId } from './init-producer-id.ts';
import { listOffsets } from './list-offsets.ts';
import { metadata } from './metadata.ts';
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.ts';
import { produce } from './produce.ts';

/** In order of their keys. */
export const handlers: readonly Handler[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  apiVersionsHandler(() => handlers),
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
];

const byKey = new Map(handlers.map((one) => [one.api.key, one]));

/** The handler of an API key, or undefined for one that is not answered. */
export function handlerOf(apiKey: number): Handler | undefined {
  return byKey.get(apiKey);
}
