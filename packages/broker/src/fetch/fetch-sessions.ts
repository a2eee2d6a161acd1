// The fetch sessions of a broker, as many as there is room for (KIP-227, Kafka's FetchSessionCache). When there is none, a new
// one takes the place of one that was not used for two minutes, or of one that is two minutes old and has fewer partitions:
// the larger a session, the more it spares. A consumer that gets none is none the worse for it; it reads without.
//
// Beside the sessions their partitions are counted: a client that adds and adds is put out, and begins anew.
import { integerBetween, type Clock, type Random } from '@throughline/event';
import { fetchSessionEvictableMs, fetchSessionPartitionCountMax } from '../defaults.ts';
import { FetchSession, type SessionIdentity } from './fetch-session.ts';
import type { FetchResult, FetchTarget } from './fetch-target.ts';

export class FetchSessions {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sessionCountMax: number;
  /** The one that was not used for longest comes first. */
  readonly #sessions = new Map<number, FetchSession>();
  #partitionCount = 0;

  /** `sessionCountMax` 0 keeps none: every fetch is then a full one. */
  constructor(clock: Clock, random: Random, sessionCountMax: number) {
    this.#clock = clock;
    this.#random = random;
    this.#sessionCountMax = sessionCountMax;
  }

  get size(): number {
    return this.#sessions.size;
  }

  find(sessionId: number, nodeId: number): FetchSession | undefined {
    const session = this.#sessions.get(sessionId);
    return session?.identity.nodeId === nodeId ? session : undefined;
  }

  /** Makes a session of what is answered to a full fetch, or undefined when there is no room. */
  create(
    { usesTopicIds, nodeId }: Pick<SessionIdentity, 'usesTopicIds' | 'nodeId'>,
    results: readonly FetchResult[],
  ): FetchSession | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (!this.#makeRoom(results.length, nowMs)) return undefined;
    const session = new FetchSession({ sessionId: this.#newId(), usesTopicIds, nodeId, createdMs: nowMs }, results);
    this.#sessions.set(session.identity.sessionId, session);
    this.#partitionCount += session.partitionCount;
    return session;
  }

  /** Takes over what a request of a session says; false when the session has outgrown all room and is gone. */
  update(session: FetchSession, targets: readonly FetchTarget[], forgottenKeys: readonly string[]): boolean {
    const before = session.partitionCount;
    session.update(targets, forgottenKeys);
    this.#partitionCount += session.partitionCount - before;
    session.usedMs = this.#clock.monotonicMs();
    const { sessionId } = session.identity;
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, session);
    if (this.#partitionCount <= fetchSessionPartitionCountMax) return true;
    this.remove(session);
    return false;
  }

  remove(session: FetchSession | undefined): void {
    if (session === undefined || !this.#sessions.delete(session.identity.sessionId)) return;
    this.#partitionCount -= session.partitionCount;
  }

  #makeRoom(partitionCount: number, nowMs: number): boolean {
    if (this.#partitionCount + partitionCount > fetchSessionPartitionCountMax) return false;
    if (this.#sessions.size < this.#sessionCountMax) return true;
    const evictable = this.#evictable(partitionCount, nowMs);
    this.remove(evictable);
    return evictable !== undefined;
  }

  #evictable(partitionCount: number, nowMs: number): FetchSession | undefined {
    const [oldest] = this.#sessions.values();
    if (oldest === undefined || nowMs - oldest.usedMs > fetchSessionEvictableMs) return oldest;
    let smallest: FetchSession | undefined;
    for (const session of this.#sessions.values()) {
      if (nowMs - session.identity.createdMs <= fetchSessionEvictableMs) continue;
      if (smallest === undefined || session.partitionCount < smallest.partitionCount) smallest = session;
    }
    return smallest !== undefined && smallest.partitionCount < partitionCount ? smallest : undefined;
  }

  #newId(): number {
    for (;;) {
      const id = integerBetween(this.#random, 1, 0x7fffffff);
      if (!this.#sessions.has(id)) return id;
    }
  }
}
