// ApiVersions (KIP-35, KIP-511, KIP-584): what this broker answers, from the registry. No feature is finalized before the
// issue that brings it: group.version, transaction.version and share.version would each switch clients to another protocol.
import { kafkaErrors } from '@throughline/wire';
import { apiVersionsApi, type ApiVersion, type ApiVersionsResponse } from '@throughline/wire/apis';
import { handler } from './handler.ts';
import { handlers } from './registry.ts';

export const apiVersions = handler({
  api: apiVersionsApi,
  handle: (_services, { version, body }) => {
    // From version 3 on a client says what it is, and a name or version with odd characters is refused (KIP-511).
    const isNamed = version < 3 || (isSoftware(body.clientSoftwareName) && isSoftware(body.clientSoftwareVersion));
    return answer(isNamed ? kafkaErrors.NONE : kafkaErrors.INVALID_REQUEST);
  },
  failed: (_request, errorCode) => answer(errorCode),
});

/** The answer to a version that is not known: in version 0, with the error and with what there is (KIP-511). */
export function unsupportedApiVersions(): ApiVersionsResponse {
  return answer(kafkaErrors.UNSUPPORTED_VERSION);
}

function answer(errorCode: number): ApiVersionsResponse {
  const apiKeys = errorCode === kafkaErrors.INVALID_REQUEST ? [] : handlers.map(versionsOf);
  return { errorCode, apiKeys, throttleTimeMs: 0, finalizedFeaturesEpoch: 0n };
}

function versionsOf({ api, advertisedVersionMin }: (typeof handlers)[number]): ApiVersion {
  return { apiKey: api.key, minVersion: advertisedVersionMin ?? api.versionMin, maxVersion: api.versionMax };
}

function isSoftware(text: string): boolean {
  return /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/.test(text);
}
