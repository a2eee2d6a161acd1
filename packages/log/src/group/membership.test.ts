// Sessions and restarts of group members, in virtual time, over the coordinator of a broker in memory.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { openBroker, openInProcessGroups, type Broker, type InProcessGroups } from '@throughline/broker';
import { seededRandom, silentLogger, ThroughlineError } from '@throughline/event';
import { LossyDisk, VirtualClock } from '@throughline/testkit';
import type { AssignmentChange, JoinRequest } from '../port/port.ts';
import type { GroupChannel } from './group-channel.ts';
import { inProcessChannel } from './in-process-channel.ts';
import { Membership } from './membership.ts';

const sessionTimeoutMs = 10_000;
const config = { 'offsets.topic.num.partitions': 1, 'group.initial.rebalance.delay.ms': 3_000 };

class World {
  readonly clock = new VirtualClock();
  readonly disk = new LossyDisk();
  broker!: Broker;
  groups!: InProcessGroups;

  async open(): Promise<void> {
    const { clock, disk } = this;
    this.broker = await openBroker({ dataDir: '/data', disk, clock, config, journalFileBytes: 64 * 1024 });
    if (this.broker.findTopic('t') === undefined) await this.broker.createTopic('t', { partitions: 4 });
    this.groups = await openInProcessGroups(this.broker, { clock, random: seededRandom(1) });
  }

  member(more: Partial<JoinRequest> = {}, wrap = (channel: GroupChannel): GroupChannel => channel): Member {
    const retry = {
      clock: this.clock,
      random: seededRandom(2),
      logger: silentLogger,
      retryMinMs: 50,
      retryMaxMs: 1_000,
    };
    const request = { group: 'g', topics: ['t'], sessionTimeoutMs, ...more };
    const channel = Promise.resolve(wrap(inProcessChannel(this.groups, this.broker, 'g')));
    return new Member(new Membership({ request, channel, retry, partitionsMs: 0 }), this.clock);
  }

  /** Moves time on until `isTrue`, for as long as `forMs`. */
  async until(isTrue: () => boolean, forMs: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + forMs;
    while (!isTrue()) {
      assert.ok(this.clock.monotonicMs() < endMs, `not within ${forMs} ms`);
      await this.clock.advance(10);
    }
  }
}

class Member {
  readonly membership: Membership;
  readonly changes: (AssignmentChange & { readonly atMs: number })[] = [];

  constructor(membership: Membership, clock: VirtualClock) {
    this.membership = membership;
    void (async () => {
      for await (const change of membership) {
        this.changes.push({ ...change, atMs: clock.monotonicMs() });
        if (change.kind === 'revoked') membership.release(change.partitions);
      }
    })();
  }

  get kinds(): string {
    return this.changes.map(({ kind, partitions }) => `${kind} ${partitions.length}`).join(', ');
  }
}

async function world(t: TestContext): Promise<World> {
  const made = new World();
  await made.open();
  t.after(async () => {
    await made.groups.close();
    await made.broker.close();
  });
  return made;
}

describe('a member of a group', () => {
  test('in the process of the broker begins at once, whatever the delay for others is', async (t) => {
    const here = await world(t);
    const member = here.member();
    await here.until(() => member.kinds === 'assigned 4', 100);
    await member.membership.close();
  });

  test('that is cut off knows that it has lost its partitions before another one has them', async (t) => {
    const here = await world(t);
    let isCut = false;
    const cut = here.member({}, (channel) => ({
      ...channel,
      request: (api, request, signal) =>
        isCut
          ? Promise.reject(new ThroughlineError('LOG_UNREACHABLE', 'cut off'))
          : channel.request(api, request, signal),
    }));
    await here.until(() => cut.kinds === 'assigned 4', 100);
    isCut = true;
    const other = here.member();
    await here.until(() => other.kinds === 'assigned 4', 2 * sessionTimeoutMs);
    assert.equal(cut.kinds, 'assigned 4, lost 4');
    assert.ok(cut.changes[1]!.atMs < other.changes[0]!.atMs);
    isCut = false;
    await here.until(() => cut.kinds.endsWith('assigned 2'), sessionTimeoutMs);
    assert.equal(other.kinds, 'assigned 4, revoked 2');
    await cut.membership.close();
    await here.until(() => other.kinds.endsWith('assigned 2'), 2_000);
    await other.membership.close();
  });

  test('may take longer to release than a session lasts: the others wait for it', async (t) => {
    const here = await world(t);
    const slow = here.member();
    await here.until(() => slow.kinds === 'assigned 4', 100);
    const release = slow.membership.release.bind(slow.membership);
    slow.membership.release = () => {};
    const other = here.member();
    await here.until(() => slow.kinds === 'assigned 4, revoked 2', 2_000);
    await here.clock.advance(5 * sessionTimeoutMs);
    assert.equal(other.kinds, 'assigned 0');
    release(slow.changes[1]!.partitions);
    await here.until(() => other.kinds === 'assigned 0, assigned 2', 2_000);
    assert.equal(slow.kinds, 'assigned 4, revoked 2');
    await Promise.all([slow.membership.close(), other.membership.close()]);
  });

  test('of a process that was killed is not waited for by those of the next', async (t) => {
    const here = await world(t);
    const killed = here.member();
    await here.until(() => killed.kinds === 'assigned 4', 100);
    here.disk.crash();
    const before = here.groups;
    await here.open();
    const member = here.member();
    await here.until(() => member.kinds === 'assigned 4', 500);
    assert.ok(member.changes[0]!.generation > killed.changes[0]!.generation);
    await member.membership.close();
    await before.close();
    await killed.membership.close();
  });

  test('gets the partitions that its topic is given later, and a topic that is made later', async (t) => {
    const here = await world(t);
    const member = here.member({ topics: ['t', 'later'] });
    await here.until(() => member.kinds === 'assigned 4', 100);
    await here.broker.createPartitions('t', 6);
    await here.until(() => member.kinds === 'assigned 4, assigned 2', 2_000);
    await here.broker.createTopic('later', { partitions: 1 });
    await here.until(() => member.kinds === 'assigned 4, assigned 2, assigned 1', 2_000);
    await here.broker.deleteTopic('later');
    await here.until(() => member.kinds.endsWith('revoked 1'), 2_000);
    await member.membership.close();
  });

  test('commits while the group goes from one generation to the next', async (t) => {
    const here = await world(t);
    const member = here.member();
    await here.until(() => member.kinds === 'assigned 4', 100);
    const other = here.member();
    let isCommitted = false;
    const committing = member.membership
      .commit([{ topic: 't', partition: 0, offset: 5n }])
      .then(() => (isCommitted = true));
    await here.until(() => isCommitted, sessionTimeoutMs);
    await committing;
    await Promise.all([member.membership.close(), other.membership.close()]);
  });
});
