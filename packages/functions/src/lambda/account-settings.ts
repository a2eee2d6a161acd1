// AWS's GetAccountSettings: what the account may use, and uses. There is no account here: the limit is what the functions may run at
// once, each with its own; sizes are AWS's own figures, which nothing here is held to.
// Source: AWS Lambda API reference, GetAccountSettings; developer guide, "Lambda quotas".
import type { InvokerConfig } from '../invoker/invoker-config.ts';
import type { LambdaServices } from './invocation-request.ts';

const megabyte = 1024 * 1024;

export async function getAccountSettings(services: LambdaServices): Promise<Response> {
  const configs = Array.from(services.functions.values(), ({ invoker }) => invoker.config);
  const total = configs.reduce((sum, one) => sum + (one.reservedConcurrency ?? placesOf(one)), 0);
  const reserved = configs.reduce((sum, one) => sum + (one.reservedConcurrency ?? 0), 0);
  const sizes = await Promise.all(
    configs.map(async ({ entry }) => (await services.readFile(entry).catch(() => Buffer.alloc(0))).length),
  );
  return Response.json({
    AccountLimit: {
      TotalCodeSize: 75 * 1024 * megabyte,
      CodeSizeUnzipped: 250 * megabyte,
      CodeSizeZipped: 50 * megabyte,
      ConcurrentExecutions: total,
      UnreservedConcurrentExecutions: total - reserved,
    },
    AccountUsage: { TotalCodeSize: sizes.reduce((sum, size) => sum + size, 0), FunctionCount: configs.length },
  });
}

/** Invocations that its processes serve at once. */
function placesOf({ environmentsMax, invocationsPerEnvironment }: InvokerConfig): number {
  return environmentsMax * invocationsPerEnvironment;
}
