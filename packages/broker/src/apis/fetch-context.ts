// Which partitions a Fetch request reads, and what of them is answered: all that it names, or those of a session (KIP-227,
// Kafka's FetchManager).
//
//   session id  epoch   the request
//            0     -1   names all its partitions
//            0      0   names all, and wants a session made of them
//           id      0   the same, and ends that session
//           id     -1   the same without a new one
//           id   1, 2…  names what has changed since the request before it
import { zeroUuid, type KafkaErrorName } from '@throughline/wire';
import type { FetchRequest } from '@throughline/wire/apis';
import type { ApiRequest } from './handler.ts';
import type { Services } from './services.ts';
import { finalEpoch, initialEpoch, nextEpoch, type FetchSession } from '../fetch/fetch-session.ts';
import { targetKey, type FetchResult, type FetchTarget } from '../fetch/fetch-target.ts';

/** What is answered, and in which session. */
export interface FetchAnswer {
  readonly errorCode: KafkaErrorName;
  /** 0 for none. */
  readonly sessionId: number;
  readonly results: readonly FetchResult[];
}

export interface FetchContext {
  readonly targets: readonly FetchTarget[];
  /** Given the results of all targets. */
  answer(results: readonly FetchResult[]): FetchAnswer;
}

type Request = ApiRequest<FetchRequest>;

export function fetchContext(services: Services, request: Request): FetchContext {
  const { fetchSessions } = services;
  const { sessionId, sessionEpoch } = request.body;
  const session = fetchSessions.find(sessionId, request.nodeId);
  if (sessionEpoch === initialEpoch || sessionEpoch === finalEpoch) {
    fetchSessions.remove(session);
    const targets = targetsOf(services, request);
    return sessionEpoch === finalEpoch ? sessionless(targets) : full(services, request, targets);
  }
  if (session === undefined) return rejected('FETCH_SESSION_ID_NOT_FOUND');
  if (session.epoch !== sessionEpoch) return rejected('INVALID_FETCH_SESSION_EPOCH');
  if (session.identity.usesTopicIds !== usesTopicIds(request)) return rejected('FETCH_SESSION_TOPIC_ID_ERROR');
  const targets = targetsOf(services, request);
  if (!fetchSessions.update(session, targets, forgottenKeys(request))) {
    return rejected('FETCH_SESSION_ID_NOT_FOUND');
  }
  if (session.partitionCount === 0) {
    fetchSessions.remove(session);
    return sessionless(targets);
  }
  session.epoch = nextEpoch(session.epoch);
  return incremental(services, session);
}

function rejected(errorCode: KafkaErrorName): FetchContext {
  return { targets: [], answer: () => ({ errorCode, sessionId: 0, results: [] }) };
}

function sessionless(targets: readonly FetchTarget[]): FetchContext {
  return { targets, answer: (results) => ({ errorCode: 'NONE', sessionId: 0, results }) };
}

function full({ fetchSessions }: Services, request: Request, targets: readonly FetchTarget[]): FetchContext {
  const identity = { usesTopicIds: usesTopicIds(request), nodeId: request.nodeId };
  return {
    targets,
    answer: (results) => {
      const sessionId = fetchSessions.create(identity, results)?.identity.sessionId ?? 0;
      return { errorCode: 'NONE', sessionId, results };
    },
  };
}

function incremental({ broker }: Services, session: FetchSession): FetchContext {
  const { sessionId } = session.identity;
  const { epoch } = session;
  return {
    targets: session.targets((topicId) => broker.findTopicById(topicId)?.topic),
    answer: (results) => {
      // Another request of the session came meanwhile: whoever sent this one has given it up.
      if (session.epoch !== epoch) return { errorCode: 'INVALID_FETCH_SESSION_EPOCH', sessionId, results: [] };
      return { errorCode: 'NONE', sessionId, results: session.takeChanged(results) };
    },
  };
}

function usesTopicIds({ version }: Request): boolean {
  return version >= 13;
}

/** What a request names; of a partition that it names twice the last counts, as in Kafka. */
function targetsOf({ broker }: Services, request: Request): readonly FetchTarget[] {
  const byId = usesTopicIds(request);
  const targets = new Map<string, FetchTarget>();
  for (const { topic: name, topicId, partitions } of request.body.topics) {
    const topic = byId ? broker.findTopicById(topicId)?.topic : name;
    for (const { partition, fetchOffset, currentLeaderEpoch, lastFetchedEpoch, partitionMaxBytes } of partitions) {
      const key = targetKey(name, topicId, partition);
      targets.set(key, {
        key,
        topic,
        topicId: byId ? topicId : zeroUuid,
        partition,
        fetchOffset,
        currentLeaderEpoch: Math.max(-1, currentLeaderEpoch),
        lastFetchedEpoch: Math.max(-1, lastFetchedEpoch),
        bytesMax: partitionMaxBytes,
      });
    }
  }
  return Array.from(targets.values());
}

function forgottenKeys({ body }: Request): readonly string[] {
  return body.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((partition) => targetKey(topic, topicId, partition)),
  );
}
