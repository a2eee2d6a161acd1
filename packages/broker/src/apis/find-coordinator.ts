// FindCoordinator: which node answers for a group. `__consumer_offsets` is made when the first group is asked for.
//
// Transactions and share groups have no coordinator here. COORDINATOR_NOT_AVAILABLE would make clients ask for ever, so they
// are told INVALID_REQUEST, as Apache Kafka answers for a kind of coordinator that it does not run: clients end with that.
import type { KafkaErrorName } from '@throughline/wire';
import { findCoordinatorApi, type Coordinator, type FindCoordinatorResponse } from '@throughline/wire/apis';
import type { Services } from './services.ts';
import { handler } from './handler.ts';

const groupKeyType = 0;
const kinds: Readonly<Record<number, string>> = { 1: 'transactions', 2: 'share groups' };
/** What Apache Kafka says to an INVALID_REQUEST. */
const invalidRequest =
  'This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.';

export const findCoordinator = handler({
  api: findCoordinatorApi,
  handle: async (services, { version, body }) => {
    if (version < 4) return single(await find(services, body.keyType, body.key), 'NONE');
    const coordinators: Coordinator[] = [];
    for (const key of body.coordinatorKeys) coordinators.push(await find(services, body.keyType, key));
    return { coordinators };
  },
  failed: ({ body, version }, errorCode) => {
    const none = (key: string): Coordinator => ({ key, ...nowhere, errorCode, errorMessage: null });
    return version < 4 ? single(none(body.key), null) : { coordinators: body.coordinatorKeys.map(none) };
  },
});

const nowhere = { nodeId: -1, host: '', port: -1 };

async function find({ groups, logger }: Services, keyType: number, key: string): Promise<Coordinator> {
  const reject = (error: KafkaErrorName, errorMessage: string): Coordinator => ({
    key,
    ...nowhere,
    errorCode: error,
    errorMessage,
  });
  if (keyType !== groupKeyType) {
    const kind = kinds[keyType];
    return reject(
      'INVALID_REQUEST',
      kind === undefined ? invalidRequest : `This broker has no coordinator for ${kind}.`,
    );
  }
  try {
    const node = await groups.nodeOf(key);
    if (node === undefined) return reject('COORDINATOR_NOT_AVAILABLE', 'The coordinator is not available.');
    const { nodeId, host, port } = node;
    return { key, nodeId, host, port, errorCode: 'NONE', errorMessage: '' };
  } catch (error) {
    logger.warn({ groupId: key, error }, 'the topic of groups could not be made');
    return reject('COORDINATOR_NOT_AVAILABLE', 'The coordinator is not available.');
  }
}

/** Up to version 3, where there is one answer, a success says so in words. */
function single(
  { errorCode, errorMessage, nodeId, host, port }: Coordinator,
  success: string | null,
): FindCoordinatorResponse {
  const isFound = errorCode === 'NONE';
  return { errorCode, errorMessage: isFound ? success : errorMessage, nodeId, host, port };
}
