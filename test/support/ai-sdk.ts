// The AI SDK, unmodified. The condition by which our packages resolve to their sources, `source`, is one that a package
// below the AI SDK has too, and Node strips no types under node_modules: what is not ours resolves without it.
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('@throughline/')) return next(specifier, context);
    return next(specifier, { ...context, conditions: context.conditions.filter((name) => name !== 'source') });
  },
});

export const { DefaultChatTransport, readUIMessageStream } = await import('ai');
export const { Chat } = await import('@ai-sdk/react');
