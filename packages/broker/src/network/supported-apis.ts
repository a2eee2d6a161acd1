// The APIs that one Kafka server answers: those of the registry, or fewer, so that a client can be tried against a broker
// that is older than this one.
import { ThroughlineError } from '@throughline/event';
import { apiVersionsApi } from '@throughline/wire/apis';
import { apiVersionsHandler } from '../apis/api-versions.ts';
import type { Handler } from '../apis/handler.ts';
import { handlers } from '../apis/registry.ts';

/** The highest version of an API by its name; -1 takes it away. */
export type MaxVersions = Readonly<Record<string, number>>;

export class SupportedApis {
  readonly handlers: readonly Handler[];
  readonly #byKey: ReadonlyMap<number, Handler>;

  /** `all` is the registry. @throws ThroughlineError INVALID_ARGUMENT for an API or a version that there is not */
  constructor(maxVersions: MaxVersions = {}, all: readonly Handler[] = handlers) {
    checkNames(maxVersions, all);
    const isAll = Object.keys(maxVersions).length === 0;
    this.handlers = isAll ? all : all.flatMap((one) => this.#capped(one, maxVersions[one.api.name]));
    this.#byKey = new Map(this.handlers.map((one) => [one.api.key, one]));
  }

  /** The handler of an API key, or undefined for one that is not answered. */
  get(apiKey: number): Handler | undefined {
    return this.#byKey.get(apiKey);
  }

  #capped(one: Handler, versionMax: number = one.api.versionMax): Handler[] {
    const { api, advertisedVersionMin = api.versionMin } = one;
    if (versionMax === -1) return [];
    if (versionMax < advertisedVersionMin || versionMax > api.versionMax) {
      const range = `${advertisedVersionMin} to ${api.versionMax}, or -1`;
      throw new ThroughlineError('INVALID_ARGUMENT', `maxVersions.${api.name} is ${versionMax}, wanted ${range}`);
    }
    // What is said of the versions is said by ApiVersions, which must speak of these handlers then.
    const base = api.key === apiVersionsApi.key ? apiVersionsHandler(() => this.handlers) : one;
    return [{ ...base, api: { ...base.api, versionMax } }];
  }
}

function checkNames(maxVersions: MaxVersions, all: readonly Handler[]): void {
  for (const name of Object.keys(maxVersions)) {
    if (all.some(({ api }) => api.name === name)) continue;
    throw new ThroughlineError('INVALID_ARGUMENT', `maxVersions names ${name}, and there is no such API here`);
  }
}
