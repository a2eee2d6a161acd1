// In a clone of this repository our packages resolve to their TypeScript sources by the export condition `source`. Other
// packages know a condition of that name, too (eventsource-parser, which the AI SDK uses, is one), and Node strips no types
// under node_modules. So in an environment of such a process the condition holds for our own packages only.
import { registerHooks } from 'node:module';

if (process.execArgv.includes('--conditions=source')) {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith('@throughline/')
        ? next(specifier, context)
        : next(specifier, { ...context, conditions: context.conditions.filter((name) => name !== 'source') }),
  });
}
