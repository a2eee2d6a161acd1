// What join promises: the partitions of the topics are shared out among the members, all of them, evenly, and none of them to
// two members at a time; who keeps a partition keeps working on it; committed offsets are figures for tools.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AssignmentChange, GroupMembership, JoinRequest, TopicPartition } from '@throughline/log';
import { rejected, type Subject } from './log-support.ts';

/** Often enough that a rebalance takes no longer than the coordinator does. */
const heartbeatMs = 100;

/** A member with the loop around it that every user has. */
class Reader {
  readonly group: string;
  readonly membership: GroupMembership;
  readonly held = new Map<string, TopicPartition>();
  readonly changes: AssignmentChange[] = [];
  /** Whether it gives up at once what it is asked for. */
  releases = true;
  readonly ended: Promise<void>;
  readonly #onChange: () => void;

  constructor(group: string, membership: GroupMembership, onChange: () => void) {
    this.group = group;
    this.membership = membership;
    this.#onChange = onChange;
    this.ended = this.#work();
    // Its failure is met by whoever waits for the end.
    this.ended.catch(() => {});
  }

  get keys(): readonly string[] {
    return [...this.held.keys()].sort();
  }

  giveUp(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.held.delete(keyOf(partition));
    this.membership.release(partitions);
  }

  async #work(): Promise<void> {
    try {
      for await (const change of this.membership) {
        this.changes.push(change);
        const { kind, partitions } = change;
        if (kind === 'assigned') for (const partition of partitions) this.held.set(keyOf(partition), partition);
        else if (kind === 'lost') for (const partition of partitions) this.held.delete(keyOf(partition));
        else if (this.releases) this.giveUp(partitions);
        this.#onChange();
      }
    } finally {
      this.held.clear();
      this.#onChange();
    }
  }
}

/** The readers of one claim; at every change it is checked that no partition is held twice. */
class Readers {
  readonly #subject: Subject;
  readonly #all: Reader[] = [];
  readonly #waiting = new Set<() => void>();
  #doublyHeld: string | undefined;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  join(request: JoinRequest): Reader {
    const membership = this.#subject.log.join({ heartbeatMs, ...request });
    const reader = new Reader(request.group, membership, () => this.#changed());
    this.#all.push(reader);
    return reader;
  }

  /** Resolves when `isTrue` is; the runner's time-out ends it where it never becomes so. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    assert.equal(this.#doublyHeld, undefined, 'held by two members at a time');
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map(({ membership }) => membership.close()));
    assert.equal(this.#doublyHeld, undefined, 'held by two members at a time');
  }

  #changed(): void {
    const keys = this.#all.flatMap(({ group, keys }) => keys.map((key) => `${group} ${key}`));
    this.#doublyHeld ??= keys.find((key, index) => keys.indexOf(key) !== index);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

export function joinClaims(subject: Subject): void {
  describe('join', () => {
    const withReaders = (name: string, claim: (readers: Readers, group: string) => Promise<void>): void => {
      test(name, async () => {
        const readers = new Readers(subject);
        try {
          await claim(readers, `group-${subject.uniqueTopic()}`);
        } finally {
          await readers.close();
        }
      });
    };

    withReaders('a lone member has every partition of its topics', async (readers, group) => {
      const topics = [await subject.newTopic(3), await subject.newTopic(1)];
      const reader = readers.join({ group, topics });
      await readers.until(() => reader.held.size === 4);
      assert.deepEqual(
        reader.changes.map(({ kind }) => kind),
        ['assigned'],
      );
      assert.ok(reader.changes[0]!.generation >= 1);
    });

    withReaders('what moves to another member moves once it is released, the rest stays', async (readers, group) => {
      const topic = await subject.newTopic(4);
      const first = readers.join({ group, topics: [topic] });
      await readers.until(() => first.held.size === 4);
      first.releases = false;
      const second = readers.join({ group, topics: [topic] });
      await readers.until(() => second.changes.length > 0 && first.changes.some(({ kind }) => kind === 'revoked'));
      assert.equal(second.held.size, 0, 'nothing is given away that is not released');
      const [, revoked] = first.changes;
      assert.equal(revoked!.partitions.length, 2);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(second.held.size, 0);
      first.giveUp(revoked!.partitions);
      await readers.until(() => second.held.size === 2);
      assert.equal(first.held.size, 2);
      assert.deepEqual(
        first.changes.map(({ kind }) => kind),
        ['assigned', 'revoked'],
        'what it keeps is not taken from it for a while',
      );
      const last = second.changes.at(-1)!;
      assert.ok(last.generation > first.changes[0]!.generation, 'who has it later has it in a later generation');
    });

    withReaders('who leaves leaves its partitions to the others, at once', async (readers, group) => {
      const topic = await subject.newTopic(3);
      const first = readers.join({ group, topics: [topic] });
      await readers.until(() => first.held.size === 3);
      const second = readers.join({ group, topics: [topic] });
      await readers.until(() => first.held.size + second.held.size === 3 && second.held.size > 0);
      await first.membership.close();
      await first.ended;
      await readers.until(() => second.held.size === 3);
    });

    withReaders('members that come and go share evenly, and never two have one partition', async (readers, group) => {
      const topics = [await subject.newTopic(5), await subject.newTopic(2)];
      const all = [readers.join({ group, topics })];
      const present = (): readonly Reader[] => all.filter(({ changes }) => changes.length > 0);
      const isEven = (): boolean => {
        const sizes = present().map(({ held }) => held.size);
        const sum = sizes.reduce((total, size) => total + size, 0);
        return present().length === all.length && sum === 7 && Math.max(...sizes) - Math.min(...sizes) <= 1;
      };
      await readers.until(isEven);
      all.push(readers.join({ group, topics }), readers.join({ group, topics }));
      await readers.until(isEven);
      const leaving = all.splice(0, 2);
      await Promise.all(leaving.map(({ membership }) => membership.close()));
      await readers.until(isEven);
      all.push(readers.join({ group, topics }));
      await readers.until(isEven);
    });

    withReaders('members of different topics get only their own', async (readers, group) => {
      const both = await subject.newTopic(2);
      const one = await subject.newTopic(2);
      const first = readers.join({ group, topics: [both, one] });
      await readers.until(() => first.held.size === 4);
      const second = readers.join({ group, topics: [both] });
      await readers.until(() => first.held.size + second.held.size === 4 && second.held.size > 0);
      assert.ok(second.keys.every((key) => key.startsWith(`${both}-`)));
    });

    withReaders('a group of another name has everything for itself', async (readers, group) => {
      const topic = await subject.newTopic(2);
      const here = readers.join({ group, topics: [topic] });
      const there = readers.join({ group: `${group}-other`, topics: [topic] });
      await readers.until(() => here.held.size === 2 && there.held.size === 2);
    });

    withReaders('two members of one instance id: the later one has the place', async (readers, group) => {
      const topic = await subject.newTopic(2);
      const older = readers.join({ group, topics: [topic], instanceId: 'one' });
      await readers.until(() => older.held.size === 2);
      // What the two hold until the older one has heard of it is not compared: one of them is not healthy.
      const newer = subject.log.join({ group, topics: [topic], instanceId: 'one', heartbeatMs });
      await rejected(older.ended, 'GROUP_MEMBER_FENCED');
      assert.equal(older.changes.at(-1)!.kind, 'lost');
      await rejected(older.membership.commit([{ topic, partition: 0, offset: 1n }]), 'GROUP_MEMBER_FENCED');
      const { value: change } = await newer[Symbol.asyncIterator]().next();
      assert.equal((change as AssignmentChange).partitions.length, 2);
      await newer.close();
    });

    withReaders('committed offsets can be seen, and are not written for what is not held', async (readers, group) => {
      const topic = await subject.newTopic(2);
      const other = await subject.newTopic(1);
      assert.deepEqual(await subject.log.admin.committedOffsets(group), []);
      const reader = readers.join({ group, topics: [topic] });
      await readers.until(() => reader.held.size === 2);
      await reader.membership.commit([
        { topic, partition: 1, offset: 7n, metadata: 'seven' },
        { topic: other, partition: 0, offset: 9n },
      ]);
      assert.deepEqual(await subject.log.admin.committedOffsets(group), [
        { topic, partition: 1, offset: 7n, metadata: 'seven' },
      ]);
      const foreign = [{ topic, partition: 0, offset: 1n }];
      await rejected(subject.log.admin.commitOffsets(group, foreign), 'LOG_REFUSED');
      await reader.membership.close();
      await rejected(reader.membership.commit(foreign), 'CLOSED');
      await subject.log.admin.commitOffsets(group, [{ topic, partition: 1, offset: 3n, metadata: '' }]);
      assert.deepEqual(await subject.log.admin.committedOffsets(group), [
        { topic, partition: 1, offset: 3n, metadata: '' },
      ]);
    });

    withReaders('a signal ends it as close does, before and after it has joined', async (readers, group) => {
      const topic = await subject.newTopic(1);
      const ended = readers.join({ group, topics: [topic], signal: AbortSignal.abort() });
      await ended.ended;
      const ending = new AbortController();
      const first = readers.join({ group, topics: [topic], signal: ending.signal });
      await readers.until(() => first.held.size === 1);
      ending.abort();
      await first.ended;
      const second = readers.join({ group, topics: [topic] });
      await readers.until(() => second.held.size === 1);
    });
  });
}
