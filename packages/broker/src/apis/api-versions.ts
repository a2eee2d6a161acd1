// ApiVersions (KIP-35, KIP-511, KIP-584): what this broker answers, from the registry. No feature is finalized before the
// issue that brings it: group.version, transaction.version and share.version would each switch clients to another protocol.
import type { KafkaErrorName } from '@throughline/wire';
import { apiVersionsApi, type ApiVersion, type ApiVersionsResponse } from '@throughline/wire/apis';
import { handler, type Handler } from './handler.ts';

/** `handlers` is the registry, which this handler is itself part of. */
export function apiVersionsHandler(handlers: () => readonly Handler[]): Handler {
  return handler({
    api: apiVersionsApi,
    handle: (_services, { version, body }) => {
      // From version 3 on a client says what it is, and a name or version with odd characters is rejected (KIP-511).
      const isNamed = version < 3 || (isSoftware(body.clientSoftwareName) && isSoftware(body.clientSoftwareVersion));
      return isNamed ? answer('NONE', handlers()) : answer('INVALID_REQUEST', []);
    },
    failed: (_request, errorCode) => answer(errorCode, []),
  });
}

/** The answer to a version that is not known: in version 0, with the error and with what there is (KIP-511). */
export function unsupportedApiVersions(handlers: readonly Handler[]): ApiVersionsResponse {
  return answer('UNSUPPORTED_VERSION', handlers);
}

function answer(errorCode: KafkaErrorName, handlers: readonly Handler[]): ApiVersionsResponse {
  // A rejection says nothing of features, not even that there are none.
  const finalizedFeaturesEpoch = errorCode === 'NONE' ? 0n : -1n;
  return { errorCode, apiKeys: handlers.map(versionsOf), throttleTimeMs: 0, finalizedFeaturesEpoch };
}

function versionsOf({ api, advertisedVersionMin }: Handler): ApiVersion {
  return { apiKey: api.key, minVersion: advertisedVersionMin ?? api.versionMin, maxVersion: api.versionMax };
}

function isSoftware(text: string): boolean {
  return /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/.test(text);
}
