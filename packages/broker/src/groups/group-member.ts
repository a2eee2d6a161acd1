// A member of a classic group as its coordinator knows it, with whoever waits for an answer on its behalf.
import type { Timer } from '@throughline/event';
import { noBytes } from '@throughline/wire';
import type { JoinGroupResponse, SyncGroupResponse } from '@throughline/wire/apis';
import { rejectedJoin, rejectedSync } from './group-answers.ts';
import type { MemberTally } from './member-tally.ts';

/** One way of sharing out the work that a member knows (a consumer: an assignor), with what it says of itself for it. */
export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

export interface MemberIdentity {
  readonly memberId: string;
  /** Of a static member (KIP-345), else null. */
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
}

/**
 * The host of members that run in the broker's own process (network/in-process-groups.ts). No address of a socket looks like
 * it, so that no client can claim to be one.
 */
export const inProcessHost = '/in-process';

export interface MemberTerms {
  /** In order of preference. */
  readonly protocols: readonly MemberProtocol[];
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
}

type JoinReply = (response: JoinGroupResponse) => void;
type SyncReply = (response: SyncGroupResponse) => void;

export class GroupMember {
  readonly identity: MemberIdentity;
  #terms: MemberTerms;
  #assignment: Uint8Array = noBytes;
  /** It has not been part of a generation yet. */
  #isNew = false;
  /** Where a JoinGroup of it waits for the generation to begin. */
  #joinReply: JoinReply | undefined;
  /** Where a SyncGroup of it waits for the assignment. */
  #syncReply: SyncReply | undefined;
  /** Fires when nothing has been heard of it for its session. */
  #sessionTimer: Timer | undefined;
  /** Of the group that it is in. */
  #tally: MemberTally | undefined;

  constructor(identity: MemberIdentity, terms: MemberTerms, assignment: Uint8Array = noBytes) {
    this.identity = identity;
    this.#terms = terms;
    this.#assignment = assignment;
  }

  /** Somebody new, whose JoinGroup waits. */
  static joining(identity: MemberIdentity, terms: MemberTerms, reply: JoinReply): GroupMember {
    const member = new GroupMember(identity, terms);
    member.#isNew = true;
    member.#joinReply = reply;
    return member;
  }

  get memberId(): string {
    return this.identity.memberId;
  }

  get terms(): MemberTerms {
    return this.#terms;
  }

  /** What the leader of the present generation gave it. */
  get assignment(): Uint8Array {
    return this.#assignment;
  }

  /** It runs in the broker's process, and is gone with it. */
  get isInProcess(): boolean {
    return this.identity.clientHost === inProcessHost;
  }

  get isStatic(): boolean {
    return this.identity.groupInstanceId !== null;
  }

  /** A JoinGroup of it waits. */
  get isAwaitingJoin(): boolean {
    return this.#joinReply !== undefined;
  }

  /** A SyncGroup of it waits. */
  get isAwaitingAssignment(): boolean {
    return this.#syncReply !== undefined;
  }

  /** Who waits for a rebalance need not send heartbeats, except a new member: it may have gone without a trace. */
  get hasSatisfiedHeartbeat(): boolean {
    return !this.#isNew && (this.#joinReply !== undefined || this.#syncReply !== undefined);
  }

  /** The same member under another id, without its session and without whoever waits for it. */
  underId(memberId: string, terms: MemberTerms = this.#terms): GroupMember {
    return new GroupMember({ ...this.identity, memberId }, terms, this.#assignment);
  }

  /** It is in a group, whose tally hears of what changes. */
  countIn(tally: MemberTally): void {
    this.#tally = tally;
    tally.knows(this.#terms.protocols);
    if (this.isAwaitingJoin) tally.waits();
  }

  /** It is in the group no more. */
  countOut(): void {
    this.#tally?.knowsNoMore(this.#terms.protocols);
    if (this.isAwaitingJoin) this.#tally?.waitsNoMore();
    this.#tally = undefined;
  }

  assign(assignment: Uint8Array): void {
    this.#assignment = assignment;
  }

  /** It is part of a generation. */
  takePart(): void {
    this.#isNew = false;
  }

  /** Its session begins anew: `timer` fires at its end. */
  beginSession(timer: Timer): void {
    this.#sessionTimer?.cancel();
    this.#sessionTimer = timer;
  }

  endSession(): void {
    this.#sessionTimer?.cancel();
  }

  /** It joins again, and waits. A JoinGroup that still waits was given up by its client, which has sent another. */
  rejoin(terms: MemberTerms, reply: JoinReply): void {
    this.answerJoin(rejectedJoin('REBALANCE_IN_PROGRESS', this.memberId));
    this.#tally?.knowsNoMore(this.#terms.protocols);
    this.#tally?.knows(terms.protocols);
    this.#terms = terms;
    this.#joinReply = reply;
    this.#tally?.waits();
  }

  /** It waits for its assignment. A SyncGroup that still waits was given up by its client, too. */
  awaitAssignment(reply: SyncReply): void {
    this.answerSync(rejectedSync('REBALANCE_IN_PROGRESS'));
    this.#syncReply = reply;
  }

  /** What it says of itself for a protocol; empty where there is none. */
  metadata(protocol: string | null): Uint8Array {
    return this.#terms.protocols.find(({ name }) => name === protocol)?.metadata ?? noBytes;
  }

  /** True when it would join with what it has joined with. */
  matches(protocols: readonly MemberProtocol[]): boolean {
    const mine = this.#terms.protocols;
    return (
      mine.length === protocols.length &&
      mine.every(({ name, metadata }, index) => {
        const other = protocols[index]!;
        return name === other.name && Buffer.compare(metadata, other.metadata) === 0;
      })
    );
  }

  /** Answers the JoinGroup that waits, when one does. */
  answerJoin(response: JoinGroupResponse): void {
    const reply = this.#joinReply;
    if (reply === undefined) return;
    this.#joinReply = undefined;
    this.#tally?.waitsNoMore();
    reply(response);
  }

  /** Answers the SyncGroup that waits. @returns whether one did */
  answerSync(response: SyncGroupResponse): boolean {
    const reply = this.#syncReply;
    this.#syncReply = undefined;
    reply?.(response);
    return reply !== undefined;
  }
}
