// The version of this package, read from its package.json so that it stands in one place.
import manifest from '../package.json' with { type: 'json' };

export const version: string = manifest.version;
