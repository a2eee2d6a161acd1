// InitProducerId: a producer id for an idempotent producer (KIP-98). One that names the id and epoch it has (KIP-360) gets a new
// id all the same, as in Kafka: without a transactional id nobody but itself knows what it has in flight.
//
// A transactional id is rejected, as there is no transaction coordinator yet; the error is one that all clients take for final.
import type { KafkaErrorName } from '@throughline/wire';
import { initProducerIdApi, type InitProducerIdRequest, type InitProducerIdResponse } from '@throughline/wire/apis';
import type { Services } from './services.ts';
import { handler, type ApiRequest } from './handler.ts';

export const initProducerId = handler({
  // Version 6 is two-phase commit (KIP-939), which Kafka 4.3 does not advertise either.
  api: { ...initProducerIdApi, versionMax: 5 },
  handle,
  failed,
});

type Request = ApiRequest<InitProducerIdRequest>;

async function handle({ producerIds, logger }: Services, request: Request): Promise<InitProducerIdResponse> {
  const { transactionalId, producerId, producerEpoch } = request.body;
  if ((producerId === -1n) !== (producerEpoch === -1)) return failed(request, 'INVALID_REQUEST');
  if (transactionalId === '') return failed(request, 'INVALID_REQUEST');
  if (transactionalId !== null) {
    const { clientId, clientHost } = request;
    logger.warn(
      { transactionalId, clientId, clientHost },
      'rejected a transactional producer: there are no transactions yet',
    );
    return failed(request, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  }
  return { errorCode: 'NONE', producerId: await producerIds.next(), producerEpoch: 0 };
}

function failed(_request: Request, errorCode: KafkaErrorName): InitProducerIdResponse {
  return { errorCode, producerId: -1n, producerEpoch: -1 };
}
