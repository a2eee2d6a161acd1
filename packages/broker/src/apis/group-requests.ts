// What the requests of group members have in common.
import type { KafkaErrorName } from '@throughline/wire';
import type { Services } from './services.ts';
import type { ApiRequest } from './handler.ts';

/** The error with which a node answers for a group that it does not coordinate, or undefined. */
export function coordinatorError(
  { groups }: Services,
  { nodeId }: ApiRequest<unknown>,
  groupId: string,
): KafkaErrorName | undefined {
  return groups.problemOf(groupId, nodeId);
}

/** What comes first: the answer, or the end of the connection, on which `otherwise` may still be sent. */
export function whileConnected<Response>(
  answer: Promise<Response>,
  signal: AbortSignal,
  otherwise: Response,
): Promise<Response> {
  if (signal.aborted) return Promise.resolve(otherwise);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(otherwise);
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
