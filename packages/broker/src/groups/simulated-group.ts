// Random lives of a group in virtual time, for groups.simulation.test.ts: members that join, sync, commit, leave, fall silent and
// die, over a coordinator that is restarted under them, and the invariants that hold whatever happens. Imported by tests only.
import {
  assert,
  delay,
  fromUtf8,
  integerBetween,
  seededRandom,
  systemClock,
  utf8,
  type Random,
} from '@throughline/event';
import { MemoryDisk, slowDisk } from '@throughline/testkit';
import { kafkaErrorName, type KafkaErrorName } from '@throughline/wire';
import type { JoinGroupResponse } from '@throughline/wire/apis';
import type { Group } from './group.ts';
import {
  commit,
  consumerProtocol,
  groupWorld,
  joinRequest,
  openGroups,
  type GroupWorld,
  type OpenGroups,
} from './test-support.ts';

const partitionCount = 4;
const groupId = 'g';

/** What a member is told to be. */
interface MemberPlan {
  readonly groupInstanceId: string | null;
  readonly protocols: readonly string[];
}

const plans: readonly MemberPlan[] = [
  { groupInstanceId: null, protocols: ['range', 'sticky'] },
  { groupInstanceId: null, protocols: ['sticky', 'range'] },
  { groupInstanceId: null, protocols: ['range'] },
  { groupInstanceId: 'a', protocols: ['range', 'sticky'] },
  { groupInstanceId: 'b', protocols: ['range'] },
];

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

/** What was seen that must hold over all members and restarts. */
export class GroupHistory {
  /** By generation: whose each partition is. A static member is one, whatever its id. */
  readonly #owners = new Map<number, Map<number, string>>();
  /** By generation and member. */
  readonly #assignments = new Map<string, string>();
  /** The last offset acknowledged for a partition, and the generation that committed it. */
  readonly #committed = new Map<number, { readonly offset: bigint; readonly generationId: number }>();

  synced(who: string, generationId: number, assignment: string): void {
    const key = `${generationId} ${who}`;
    const before = this.#assignments.get(key);
    assert(before === undefined || before === assignment, `${key} was told ${before}, now ${assignment}`);
    this.#assignments.set(key, assignment);
    const owners = this.#owners.get(generationId) ?? new Map<number, string>();
    this.#owners.set(generationId, owners);
    for (const partition of partitionsOf(assignment)) {
      const owner = owners.get(partition);
      assert(owner === undefined || owner === who, `${partition} is ${owner}'s and ${who}'s in ${generationId}`);
      owners.set(partition, who);
    }
  }

  committed(partition: number, offset: bigint, generationId: number): void {
    const before = this.#committed.get(partition);
    const isOfThePast = before !== undefined && generationId < before.generationId;
    assert(!isOfThePast, `a commit of generation ${generationId} after one of ${before?.generationId}`);
    this.#committed.set(partition, { offset, generationId });
  }

  /** Every acknowledged commit is there, or a later one that nobody heard of any more. */
  check({ groups }: OpenGroups): void {
    for (const [partition, { offset }] of this.#committed) {
      const found = groups.offsets.committed(groupId, 't', partition)?.offset ?? -1n;
      assert(found >= offset, `partition ${partition} has ${found}, and ${offset} was acknowledged`);
    }
  }

  get generationCount(): number {
    return this.#owners.size;
  }
}

/** A coordinator that can be restarted, and who talks to it meanwhile. */
export class SimulatedGroup {
  readonly world: GroupWorld;
  readonly random: Random;
  readonly history = new GroupHistory();
  readonly #disk = new MemoryDisk();
  readonly #members = new Set<SimulatedMember>();
  #open: OpenGroups | undefined;
  /** Rejects when the coordinator is gone. */
  #life = new AbortController();
  nextOffset = 0n;
  /** Requests without an answer. */
  waitingCount = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    const delayMs = integerBetween(this.random, 0, 1) * 1_000;
    const config = { 'group.initial.rebalance.delay.ms': delayMs, 'group.min.session.timeout.ms': 1_000 };
    const world = groupWorld({ random: this.random, config });
    // A slow disk: members come and go while what a group has decided is on its way.
    const clock = { ...systemClock, after: (ms: number, done: () => void) => world.clock.after(Math.ceil(ms), done) };
    const disk = slowDisk(this.#disk, { clock, random: this.random, latencyMsMax: 200 });
    this.world = { ...world, disk };
  }

  get open(): OpenGroups | undefined {
    return this.#open;
  }

  async start(): Promise<void> {
    this.#open = await this.#during(openGroups(this.world));
    this.#life = new AbortController();
    this.history.check(this.#open);
  }

  /** Stops the coordinator, as it should be or in the middle of everything. */
  async stop(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    const isClean = this.random.float() < 0.5;
    this.#open = undefined;
    if (!isClean) this.#disk.crash();
    open.groups.close();
    this.#life.abort(new Error('the coordinator is gone'));
    // A process that was killed cannot write any more: what it still tries fails.
    await this.#during(open.broker.close().catch(() => {}));
    if (!isClean && this.random.float() < 0.5) this.#disk.cutPower(this.random);
  }

  /** What the coordinator answers, or a rejection when it is gone. */
  async ask<T>(question: (open: OpenGroups) => Promise<T>): Promise<T> {
    const open = this.#open;
    if (open === undefined) {
      await delay(this.world.clock, 200);
      throw new Error('nobody is there');
    }
    const { signal } = this.#life;
    const gone = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    this.waitingCount++;
    try {
      return await Promise.race([question(open), gone]);
    } finally {
      this.waitingCount--;
    }
  }

  addMember(): void {
    const free = plans.filter(
      ({ groupInstanceId }) =>
        groupInstanceId === null || ![...this.#members].some((one) => one.instanceId === groupInstanceId),
    );
    const plan = free[integerBetween(this.random, 0, free.length - 1)]!;
    const member = new SimulatedMember(this, plan);
    this.#members.add(member);
    void member.run().finally(() => this.#members.delete(member));
  }

  /** Lets time pass, in steps between which the disk has its turns: a write takes no seconds of virtual time. */
  async pass(durationMs: number): Promise<void> {
    const { clock } = this.world;
    for (let leftMs = durationMs; leftMs > 0; leftMs -= 100) {
      await clock.advance(Math.min(leftMs, 100));
      await clock.settle();
      const group = this.#open?.groups.group(groupId);
      if (group !== undefined) checkState(group);
    }
  }

  /** Lets time pass until something is done. */
  async #during<T>(work: Promise<T>): Promise<T> {
    const progress = { isDone: false };
    void work.finally(() => (progress.isDone = true)).catch(() => {});
    while (!progress.isDone) await this.pass(100);
    return work;
  }

  /** Those who mean to stay. */
  get members(): readonly SimulatedMember[] {
    return [...this.#members].filter(({ isAlive }) => isAlive);
  }

  pick(): SimulatedMember | undefined {
    const { members } = this;
    return members[integerBetween(this.random, 0, Math.max(0, members.length - 1))];
  }
}

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
    if (!this.#isWell(kafkaErrorName(synced.errorCode)!)) return;
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
    const error = kafkaErrorName(joined.errorCode)!;
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

/** Nobody waits for what cannot come. */
function checkState({ groupId: id, members, state }: Group): void {
  const waiting = [...members.values()];
  const isJoining = waiting.some(({ joinReply }) => joinReply !== undefined);
  const isSyncing = waiting.some(({ syncReply }) => syncReply !== undefined);
  assert(!isSyncing || state === 'CompletingRebalance', `${id}: somebody syncs in ${state}`);
  // A static member that is back waits in a stable group until its new id is kept.
  assert(!isJoining || state !== 'Empty', `${id}: somebody joins in ${state}`);
  assert(waiting.length === 0 || (state !== 'Empty' && state !== 'Dead'), `${id}: somebody is in it in ${state}`);
}

function partitionsOf(assignment: string): readonly number[] {
  return assignment === '' ? [] : assignment.split(',').map(Number);
}
