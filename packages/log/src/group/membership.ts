// A member of a consumer group, on whatever log: the client's side of Kafka's group protocol with cooperative rebalances
// (KIP-429), so that members keep working on what they keep.
//
//                          it must join anew: somebody came or went, a partition was released, a topic grew
//              ┌──────────────────────────────────────────────────────────────────────────┐
//              ▼                                                                          │
//   JoinGroup (with what it holds) ─▶ the leader shares out ─▶ SyncGroup ─▶ changes ─▶ heartbeats
//              ▲                                                                          │
//              └── the group does not know it any more, or nothing was heard for a session: all is lost
//
// Its own clock decides first: a session is counted from when the last heartbeat that was answered was sent, so a member that
// is cut off knows that it is out before the coordinator gives its partitions to others.
import { delayOrAbort, guardedClock, ThroughlineError, type Clock, type Logger, type Timer } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';
import { commitTriesMax, heartbeatMsDefault, sessionShareMax } from '../defaults.ts';
import { retryPauseMs, type RetryContext } from '../port/retry.ts';
import type { AssignmentChange, GroupMembership, GroupOffset, JoinRequest, TopicPartition } from '../port/port.ts';
import type { GroupChannel } from './group-channel.ts';
import { Holdings } from './holdings.ts';
import { Answered, failureFrom, MemberRequests } from './member-requests.ts';

export interface MembershipOptions {
  readonly request: JoinRequest;
  /** Opens the way to the coordinator; the membership closes it. */
  readonly channel: Promise<GroupChannel>;
  readonly retry: RetryContext;
  /** How often the leader asks whether topics have grown; 0: with every heartbeat. */
  readonly partitionsMs: number;
}

export class Membership implements GroupMembership {
  readonly #options: MembershipOptions;
  readonly #group: string;
  readonly #heartbeatMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #requests: MemberRequests;
  readonly #holdings = new Holdings();
  readonly #changes: AssignmentChange[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #mustJoin = true;
  #failureCount = 0;
  #session: Timer | undefined;
  /** Ends the pause between two heartbeats. */
  #hurry = new AbortController();
  /** Wakes whoever waits for a change, or for a generation. */
  readonly #waiting = new Set<() => void>();
  #failure: ThroughlineError | undefined;
  #hasEnded = false;

  constructor(options: MembershipOptions) {
    const { channel, request, retry } = options;
    this.#options = options;
    this.#group = request.group;
    this.#heartbeatMs = request.heartbeatMs ?? heartbeatMsDefault;
    this.#clock = guardedClock(retry.clock, retry.logger);
    this.#logger = retry.logger;
    this.#requests = new MemberRequests(request, channel, this.#clock, this.#stop.signal);
    const { signal } = request;
    const onAbort = (): void => void this.close();
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#running = this.#run().finally(() => signal?.removeEventListener('abort', onAbort));
    if (signal?.aborted === true) onAbort();
  }

  /** Resolves when it is no member any more, for whatever reason. */
  get ended(): Promise<void> {
    return this.#running;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<AssignmentChange> {
    for (;;) {
      const change = this.#changes.shift();
      if (change !== undefined) yield change;
      else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#hasEnded) return;
      else await this.#nextNews();
    }
  }

  release(partitions: readonly TopicPartition[]): void {
    if (this.#holdings.release(partitions)) this.#joinAnew();
  }

  async commit(offsets: readonly GroupOffset[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      while (!this.#requests.isMember && !this.#stop.signal.aborted && !this.#hasEnded) await this.#nextNews();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#stop.signal.aborted) throw new ThroughlineError('CLOSED', `this member has left ${this.#what}`);
      const held = offsets.filter((offset) => this.#holdings.has(offset));
      if (held.length === 0) return;
      try {
        return await this.#requests.commit(held);
      } catch (error) {
        const isBetween = error instanceof Answered && betweenGenerations.has(error.errorCode);
        if (!isBetween) throw failureFrom(error, `commit of ${this.#what}`);
        if (attempt === commitTriesMax) {
          throw new ThroughlineError('LOG_UNREACHABLE', `${this.#what} is between two generations`, { cause: error });
        }
        await this.#pause(attempt);
      }
    }
  }

  close(): Promise<void> {
    this.#stop.abort();
    this.#hurry.abort();
    this.#wake();
    return this.#running;
  }

  get #what(): string {
    return `group ${this.#group}`;
  }

  /** Joins, says that it is there, and joins again, until it is closed or cannot go on. Never rejects. */
  async #run(): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        try {
          if (this.#mustJoin) await this.#join();
          else await this.#stay();
          this.#failureCount = 0;
        } catch (error) {
          await this.#recover(error);
        }
      }
    } catch (error) {
      this.#failure = failureFrom(error, this.#what);
      this.#tell(this.#holdings.lose(this.#requests.generation));
    }
    this.#session?.cancel();
    await this.#leave();
    this.#hasEnded = true;
    this.#wake();
  }

  async #join(): Promise<void> {
    // A release that comes from here on is not in this request: it makes the member join once more.
    this.#mustJoin = false;
    try {
      const assigned = await this.#requests.join(this.#holdings.owned);
      if (assigned === undefined) {
        this.#mustJoin = true;
        return;
      }
      // A JoinGroup may have waited for long: only what is sent now says from when on the session counts.
      await this.#beat();
      this.#tell(this.#holdings.assign(this.#requests.generation, assigned));
    } catch (error) {
      this.#mustJoin = true;
      throw error;
    }
  }

  /** One heartbeat, after a pause that a reason to join anew cuts short. */
  async #stay(): Promise<void> {
    await delayOrAbort(this.#clock, this.#heartbeatMs, this.#hurry.signal);
    if (this.#mustJoin || this.#stop.signal.aborted) return;
    await this.#beat();
    if (await this.#requests.hasGrown(this.#options.partitionsMs)) this.#mustJoin = true;
  }

  async #beat(): Promise<void> {
    const sentMs = this.#clock.monotonicMs();
    if (await this.#requests.beat()) this.#mustJoin = true;
    // The coordinator counts the session from when it had this, which is no earlier than when it was sent.
    const endMs = sentMs + this.#requests.sessionTimeoutMs * sessionShareMax;
    this.#session?.cancel();
    // A process that was suspended may hear of it when it is over.
    const leftMs = Math.max(0, endMs - this.#clock.monotonicMs());
    this.#session = this.#clock.after(leftMs, () => this.#lose(false));
  }

  /** What a failure means for the membership. @throws what ends it */
  async #recover(error: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return;
    if (error instanceof Answered) {
      const { errorCode } = error;
      if (errorCode === 'REBALANCE_IN_PROGRESS') return;
      // The group has gone on without it.
      const isUnknown = errorCode === 'UNKNOWN_MEMBER_ID';
      if (isUnknown || errorCode === 'ILLEGAL_GENERATION') return this.#lose(isUnknown);
    }
    const failure = failureFrom(error, this.#what);
    if (!failure.retriable || failure.code === 'CLOSED') throw failure;
    if (++this.#failureCount === 1) {
      const fields = { group: this.#group, reason: failure.message };
      this.#logger.warn(fields, 'the coordinator of a group is looked for again');
    }
    (await this.#options.channel).forget();
    await this.#pause(this.#failureCount);
  }

  /** Takes everything for lost, and joins anew; under another id where the group has forgotten it. */
  #lose(isIdForgotten: boolean): void {
    const changes = this.#holdings.lose(this.#requests.generation);
    if (changes.length > 0) {
      this.#logger.warn({ group: this.#group }, 'a member of a group was given up, and joins anew');
    }
    this.#requests.forget(isIdForgotten);
    this.#tell(changes);
    this.#joinAnew();
  }

  #joinAnew(): void {
    this.#mustJoin = true;
    const hurry = this.#hurry;
    this.#hurry = new AbortController();
    hurry.abort();
  }

  /** Says goodbye once, whether or not it is heard: the session would end it as well. */
  async #leave(): Promise<void> {
    try {
      if (!ThroughlineError.is(this.#failure, 'GROUP_MEMBER_FENCED')) await this.#requests.leave();
      await (await this.#options.channel).close();
    } catch (error) {
      this.#logger.debug({ group: this.#group, error }, 'a member could not say that it leaves its group');
    }
  }

  #pause(attempt: number): Promise<void> {
    return delayOrAbort(this.#clock, retryPauseMs(this.#options.retry, attempt), this.#stop.signal);
  }

  #tell(changes: readonly AssignmentChange[]): void {
    this.#changes.push(...changes);
    this.#wake();
  }

  #nextNews(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

/** What a commit is answered with that comes while the group goes from one generation to the next. */
const betweenGenerations: ReadonlySet<KafkaErrorName> = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
]);
