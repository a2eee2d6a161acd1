// A consumer as clients are, in virtual time: joins, syncs, sends heartbeats, commits, and begins anew when it is told to; it may
// leave, die, or fall silent and go on as if nothing had been.
import { assert, delay, fromUtf8, integerBetween, utf8 } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';
import type { JoinGroupResponse } from '@throughline/wire/apis';
import { commit, consumerProtocol, joinRequest } from '../../packages/broker/src/groups/test-support.ts';
import { groupId, partitionsOf } from './group-history.ts';
import type { SimulatedGroup } from './simulated-group.ts';

const partitionCount = 4;

/** What a member is told to be. */
export interface MemberPlan {
  readonly groupInstanceId: string | null;
  readonly protocols: readonly string[];
}

const expectedErrors: ReadonlySet<KafkaErrorName> = new Set([
  'NONE',
  'MEMBER_ID_REQUIRED',
  'UNKNOWN_MEMBER_ID',
  'FENCED_INSTANCE_ID',
  'INCONSISTENT_GROUP_PROTOCOL',
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
]);

type Fate = 'lives' | 'leaves' | 'dies';

/** A consumer as clients are: joins, syncs, sends heartbeats, commits, and begins anew when it is told to. */
export class SimulatedMember {
  readonly #group: SimulatedGroup;
  readonly #plan: MemberPlan;
  #memberId = '';
  #fate: Fate = 'lives';
  #silentUntilMs = 0;
  #lastGenerationId = 0;
  /** The generation whose assignment it has. */
  generationId = -1;

  constructor(group: SimulatedGroup, plan: MemberPlan) {
    this.#group = group;
    this.#plan = plan;
  }

  get instanceId(): string | null {
    return this.#plan.groupInstanceId;
  }

  get isAlive(): boolean {
    return this.#fate === 'lives';
  }

  end(fate: Fate): void {
    this.#fate = fate;
  }

  /** It does nothing for a time, and then goes on as if nothing had been. */
  pause(durationMs: number): void {
    this.#silentUntilMs = this.#group.world.clock.monotonicMs() + durationMs;
  }

  async run(): Promise<void> {
    const { clock } = this.#group.world;
    while (this.#fate === 'lives') {
      try {
        await this.#generation();
      } catch (error) {
        // The coordinator is gone: it comes again soon.
        if (!(error instanceof Error) || !/gone|nobody/.test(error.message)) throw error;
        await delay(clock, 100);
      }
    }
    if (this.#fate === 'leaves' && this.instanceId === null) {
      this.#group.open?.groups.leave(groupId, [{ memberId: this.#memberId }]);
    }
  }

  async #generation(): Promise<void> {
    const joined = await this.#join();
    if (joined === undefined) return;
    const generationId = joined.generationId ?? -1;
    const isLeader = joined.leader === joined.memberId && joined.skipAssignment !== true;
    const assignments = new Map<string, Uint8Array>();
    if (isLeader) {
      joined.members.forEach(({ memberId }, index) => {
        const its = Array.from({ length: partitionCount }, (_, at) => at).filter(
          (at) => at % joined.members.length === index,
        );
        assignments.set(memberId, utf8(its.join(',')));
      });
    }
    await this.#think();
    const member = { memberId: this.#memberId, groupInstanceId: this.instanceId };
    const protocol = { protocolType: 'consumer', protocolName: joined.protocolName };
    const synced = await this.#group.ask(({ groups }) =>
      groups.sync(groupId, { ...member, ...protocol, generationId, assignments }),
    );
    if (!this.#isWell(synced.errorCode)) return;
    const assignment = fromUtf8(synced.assignment);
    this.#group.history.synced(this.instanceId ?? this.#memberId, generationId, assignment);
    const { random } = this.#group;
    // A commit that was late on the network.
    if (random.float() < 0.3)
      await this.#commit(this.#lastGenerationId, [integerBetween(random, 0, partitionCount - 1)]);
    this.generationId = generationId;
    this.#lastGenerationId = generationId;
    while (this.#fate === 'lives') {
      await this.#think();
      const heartbeat = await this.#group.ask(async ({ groups }) =>
        groups.heartbeat(groupId, { ...member, generationId }),
      );
      // A commit before it joins again, as consumers do.
      await this.#commit(generationId, partitionsOf(assignment));
      if (!this.#isWell(heartbeat)) break;
    }
    this.generationId = -1;
  }

  async #join(): Promise<JoinGroupResponse | undefined> {
    const protocols = this.#plan.protocols.map((name) => consumerProtocol(name));
    const asked = { groupInstanceId: this.instanceId, protocols, sessionTimeoutMs: 3_000, rebalanceTimeoutMs: 5_000 };
    const needsMemberId = this.#group.random.float() < 0.8;
    const request = joinRequest({ ...asked, memberId: this.#memberId, needsMemberId });
    const joined = await this.#group.ask(({ groups }) => groups.join(groupId, request));
    const error = joined.errorCode;
    if (error === 'MEMBER_ID_REQUIRED' || error === 'NONE') this.#memberId = joined.memberId;
    return this.#isWell(error) ? joined : undefined;
  }

  async #commit(generationId: number, partitions: readonly number[]): Promise<void> {
    const partition = partitions[integerBetween(this.#group.random, 0, Math.max(0, partitions.length - 1))];
    if (partition === undefined) return;
    const offset = this.#group.nextOffset++;
    const errors = await this.#group.ask((open) => {
      const { topicId } = open.broker.topic('t');
      const offsets = [{ topic: 't', topicId, partition, offset, leaderEpoch: -1, metadata: '' }];
      return commit(open, offset, {
        memberId: this.#memberId,
        groupInstanceId: this.instanceId,
        generationId,
        offsets,
      });
    });
    if (errors[0] === 'NONE') this.#group.history.committed(partition, offset, generationId);
  }

  /** Some time between two requests. */
  async #think(): Promise<void> {
    const { clock } = this.#group.world;
    const silentMs = this.#silentUntilMs - clock.monotonicMs();
    await delay(clock, Math.max(silentMs, integerBetween(this.#group.random, 0, 1_000)));
  }

  /** Whether it may go on; if not, with which id it begins anew. */
  #isWell(error: KafkaErrorName): boolean {
    if (error === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
    // Another has its place; or its protocol is not among those that a restarted coordinator knows of the others.
    if (error === 'FENCED_INSTANCE_ID' || error === 'INCONSISTENT_GROUP_PROTOCOL') this.#fate = 'dies';
    assert(expectedErrors.has(error), `a member was told ${error}`);
    return error === 'NONE';
  }
}
