// Random lives of a group in virtual time: members that join, sync, commit, leave, fall silent and die, over a coordinator that is
// restarted under them, on a slow disk.
import { assert, delay, integerBetween, seededRandom, systemClock, type Random } from '@throughline/event';
import { LossyDisk, slowDisk } from '@throughline/testkit';
import type { Group } from '../../packages/broker/src/groups/group.ts';
import {
  groupWorld,
  openGroups,
  type GroupWorld,
  type OpenGroups,
} from '../../packages/broker/src/groups/test-support.ts';
import { GroupHistory, groupId } from './group-history.ts';
import { SimulatedMember, type MemberPlan } from './simulated-member.ts';

const plans: readonly MemberPlan[] = [
  { groupInstanceId: null, protocols: ['range', 'sticky'] },
  { groupInstanceId: null, protocols: ['sticky', 'range'] },
  { groupInstanceId: null, protocols: ['range'] },
  { groupInstanceId: 'a', protocols: ['range', 'sticky'] },
  { groupInstanceId: 'b', protocols: ['range'] },
];

/** A coordinator that can be restarted, and who talks to it meanwhile. */
export class SimulatedGroup {
  readonly world: GroupWorld;
  readonly random: Random;
  readonly history = new GroupHistory();
  readonly #disk = new LossyDisk();
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

/** Nobody waits for what cannot come. */
function checkState({ groupId: id, members, state }: Group): void {
  const waiting = [...members.values()];
  const isJoining = waiting.some(({ isAwaitingJoin }) => isAwaitingJoin);
  const isSyncing = waiting.some(({ isAwaitingAssignment }) => isAwaitingAssignment);
  assert(!isSyncing || state === 'CompletingRebalance', `${id}: somebody syncs in ${state}`);
  // A static member that is back waits in a stable group until its new id is kept.
  assert(!isJoining || state !== 'Empty', `${id}: somebody joins in ${state}`);
  assert(waiting.length === 0 || (state !== 'Empty' && state !== 'Dead'), `${id}: somebody is in it in ${state}`);
}
