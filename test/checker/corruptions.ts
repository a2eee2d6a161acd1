// What each class of anomaly looks like in a history: a correct one is changed in one place, as if the log had done that one
// thing wrong. The tests of the checker apply them.
import type { Random } from '@throughline/event';
import type { AnomalyClass } from './anomalies.ts';
import { gatherEvidence } from './evidence.ts';
import type { History } from './history.ts';
import {
  pick,
  fatesOf,
  recordsOf,
  sentValues,
  mapRecords,
  pollPlaces,
  lastPollOf,
  seenAtTheEnd,
  innerPlaces,
  firstOfLaterPolls,
  swapped,
  groupPlaces,
  lowered,
  spansRestart,
} from './history-edits.ts';

export interface Corruption {
  readonly finds: AnomalyClass;
  /** What the same change shows besides. */
  readonly besides?: readonly AnomalyClass[];
  /** The changed history, or undefined where this one has no place for it. */
  readonly apply: (history: History, random: Random) => History | undefined;
}

export const corruptions: readonly Corruption[] = [
  {
    finds: 'lost-write',
    besides: ['poll-skip', 'int-poll-skip', 'group-skip'],
    apply: (history, random) => {
      const due = fatesOf(history, ({ fates, orders }, fate) => {
        const last = orders.get(fate.partition)?.offsets.at(-1) ?? -1;
        const lastSeen = Math.max(
          ...[...fates.values()]
            .filter(({ partition, reader }) => partition === fate.partition && reader >= 0)
            .map(({ firstOffset }) => firstOffset),
        );
        return fate.outcome === 'ok' && fate.firstOffset < last && fate.firstOffset < lastSeen;
      });
      const gone = pick(due, random);
      return gone && mapRecords(history, (record) => (record.value === gone.value ? [] : [record]));
    },
  },
  {
    finds: 'unseen',
    apply: (history, random) => {
      const last = pick(
        fatesOf(history, ({ orders }, fate) => {
          return fate.outcome === 'ok' && fate.firstOffset === orders.get(fate.partition)?.offsets.at(-1);
        }),
        random,
      );
      return last && mapRecords(history, (record) => (record.value === last.value ? [] : [record]));
    },
  },
  {
    finds: 'vanished-read',
    apply: (history) => {
      // The last reader does not find what ends some partition, and another one had seen.
      const { orders } = gatherEvidence(history);
      for (const order of orders.values()) {
        const [place, twin] = pollPlaces(
          history,
          ({ partition, offset }) => partition === order.partition && offset === order.offsets.at(-1),
        ).reverse();
        if (place === undefined || twin === undefined) continue;
        return mapRecords(history, (record) => (record === place[1] ? [] : [record]));
      }
      return undefined;
    },
  },
  {
    finds: 'duplicate',
    // The second copy stands at an offset of its own that only the last reader sees: the others that pass there seem to skip it.
    besides: ['poll-skip', 'int-poll-skip', 'group-skip'],
    apply: (history, random) => {
      const seen = pick(
        fatesOf(history, (_, { reader, outcome }) => reader >= 0 && outcome === 'ok'),
        random,
      );
      if (seen === undefined) return undefined;
      const at = lastPollOf(history, seen.partition);
      const tail =
        at === undefined
          ? undefined
          : recordsOf(history[at]!)
              .filter((r) => r.partition === seen.partition)
              .at(-1);
      if (tail === undefined) return undefined;
      const copy = { ...tail, value: seen.value, offset: tail.offset + 1 };
      return mapRecords(history, (record, index) => (index === at && record === tail ? [record, copy] : [record]));
    },
  },
  {
    finds: 'inconsistent-offsets',
    // The last reader sees only one of the two.
    besides: ['vanished-read'],
    apply: (history, random) => {
      // One reader is given another value at the offset, one whose send nobody knows the end of.
      const lost = pick(
        fatesOf(history, (_, { reader, outcome }) => reader < 0 && outcome === 'info'),
        random,
      );
      if (lost === undefined) return undefined;
      const places = pollPlaces(history, ({ partition }) => partition === lost.partition).filter(([, record]) =>
        history.some(
          (operation, index) =>
            operation.type === 'ok' &&
            recordsOf(operation).some((r) => r !== record && r.value === record.value && index > 0),
        ),
      );
      const place = pick(places, random);
      return (
        place && mapRecords(history, (record) => (record === place[1] ? [{ ...record, value: lost.value }] : [record]))
      );
    },
  },
  {
    finds: 'aborted-read',
    besides: ['poll-skip', 'int-poll-skip', 'group-skip'],
    apply: (history, random) => {
      const rejected = pick(
        fatesOf(history, (_, { outcome }) => outcome === 'fail'),
        random,
      );
      return rejected && seenAtTheEnd(history, rejected.partition, rejected.value);
    },
  },
  {
    finds: 'unsent-read',
    besides: ['poll-skip', 'int-poll-skip', 'group-skip'],
    apply: (history) => seenAtTheEnd(history, 0, 1e9),
  },
  {
    finds: 'int-poll-skip',
    besides: ['group-skip', 'vanished-read'],
    apply: (history, random) => {
      const place = pick(innerPlaces(history), random);
      return place && mapRecords(history, (record) => (record === place ? [] : [record]));
    },
  },
  {
    finds: 'poll-skip',
    besides: ['group-skip', 'vanished-read'],
    apply: (history, random) => {
      const place = pick(firstOfLaterPolls(history), random);
      return place && mapRecords(history, (record) => (record === place ? [] : [record]));
    },
  },
  {
    finds: 'int-nonmonotonic-poll',
    apply: (history, random) => {
      const place = pick(innerPlaces(history), random);
      return place && mapRecords(history, (record) => (record === place ? [record, record] : [record]));
    },
  },
  {
    finds: 'nonmonotonic-poll',
    apply: (history, random) => {
      const place = pick(firstOfLaterPolls(history), random);
      if (place === undefined) return undefined;
      // The poll begins with the record that the one before it ended with.
      const earlier = gatherEvidence(history).orders.get(place.partition)!;
      const before = [...earlier.between(-1, place.offset)].at(-1)!;
      const again = { partition: place.partition, offset: before, value: earlier.valueAt.get(before)! };
      return mapRecords(history, (record) => (record === place ? [again, record] : [record]));
    },
  },
  {
    finds: 'int-nonmonotonic-send',
    besides: ['realtime-nonmonotonic-send', 'nonmonotonic-send', 'epoch-not-bumped'],
    apply: (history, random) => {
      const place = pick(
        history.flatMap((operation, at) =>
          operation.f === 'send' && operation.type === 'ok' && operation.value.length > 1 ? [at] : [],
        ),
        random,
      );
      if (place === undefined) return undefined;
      const [first, second] = sentValues(history[place]!);
      return swapped(history, first!, second!);
    },
  },
  {
    finds: 'nonmonotonic-send',
    besides: ['realtime-nonmonotonic-send', 'int-nonmonotonic-send', 'epoch-not-bumped'],
    apply: (history, random) => {
      const pairs: [number, number][] = [];
      const last = new Map<string, number>();
      for (const operation of history) {
        if (operation.f !== 'send' || operation.type !== 'ok') continue;
        const { partition } = operation.value[0] as { partition: number };
        const key = `${operation.process} ${partition}`;
        const values = sentValues(operation);
        const before = last.get(key);
        if (before !== undefined) pairs.push([before, values[0]!]);
        last.set(key, values.at(-1)!);
      }
      const pair = pick(pairs, random);
      return pair && swapped(history, ...pair);
    },
  },
  {
    finds: 'realtime-nonmonotonic-send',
    besides: ['nonmonotonic-send', 'int-nonmonotonic-send', 'epoch-not-bumped'],
    apply: (history, random) => {
      const evidence = gatherEvidence(history);
      const sent = [...evidence.fates.values()].filter(({ outcome }) => outcome === 'ok');
      const pairs = sent.flatMap((one) =>
        sent
          .filter(
            (two) =>
              two.partition === one.partition &&
              two.writerInvoke > one.writer &&
              history[one.writer]!.process !== history[two.writer]!.process,
          )
          .map((two): [number, number] => [one.value, two.value]),
      );
      const pair = pick(pairs, random);
      return pair && swapped(history, ...pair);
    },
  },
  {
    finds: 'epoch-not-bumped',
    apply: (history) => {
      // All epochs are taken back to what they were before the first restart.
      const isShown = history.some((operation, at) => operation.f === 'restart' && at > 0) && spansRestart(history);
      return isShown ? mapRecords(history, (record) => [{ ...record, epoch: 0 }]) : undefined;
    },
  },
  {
    finds: 'lost-commit',
    apply: (history, random) => {
      const at = pick(groupPlaces(history, 'committed'), random);
      return at === undefined ? undefined : lowered(history, at);
    },
  },
  {
    finds: 'nonmonotonic-commit',
    apply: (history, random) => {
      const at = pick(groupPlaces(history, 'commit'), random);
      return at === undefined ? undefined : lowered(history, at);
    },
  },
  {
    finds: 'stale-generation',
    apply: (history, random) => {
      const place = pick(
        history.flatMap((operation, at) => {
          const isLate = operation.f === 'commit' && operation.type === 'ok' && (operation.value.generation ?? 0) > 1;
          return isLate ? [at] : [];
        }),
        random,
      );
      if (place === undefined) return undefined;
      return history.map((operation, at) => {
        if (at !== place || operation.f !== 'commit') return operation;
        return { ...operation, value: { ...operation.value, generation: (operation.value.generation ?? 0) - 1 } };
      });
    },
  },
  {
    finds: 'overlapping-assignment',
    apply: (history, random) => {
      const place = pick(
        history.flatMap((operation, at) => {
          const isSecond =
            operation.f === 'subscribe' &&
            operation.type === 'ok' &&
            history
              .slice(0, at)
              .some(
                (other) =>
                  other.f === 'subscribe' &&
                  other.type === 'ok' &&
                  other.value.generation === operation.value.generation,
              );
          return isSecond ? [at] : [];
        }),
        random,
      );
      if (place === undefined) return undefined;
      return history.map((operation, at) => {
        if (at !== place || operation.f !== 'subscribe') return operation;
        return { ...operation, value: { ...operation.value, partitions: [0, 1, 2] } };
      });
    },
  },
  {
    finds: 'group-skip',
    apply: (history) => {
      // The last commit of all runs ahead of what was polled.
      const place = history.findLastIndex(({ f, type }) => (f === 'commit' || f === 'committed') && type === 'ok');
      const operation = history[place];
      if (operation?.f !== 'commit') return undefined;
      const { orders } = gatherEvidence(history);
      const members = new Set(history.flatMap(({ f, process }) => (f === 'subscribe' ? [process] : [])));
      const given = pollPlaces(history, () => true).filter(([at]) => members.has(history[at]!.process));
      for (const [partition, offset] of operation.value.offsets) {
        const rest = orders.get(partition)?.between(offset - 1, Number.POSITIVE_INFINITY) ?? [];
        const skipped = [...rest].find((one) => !given.some(([, r]) => r.partition === partition && r.offset === one));
        if (skipped === undefined) continue;
        const end = skipped + 1;
        const value = { ...operation.value, offsets: new Map(operation.value.offsets).set(partition, end) };
        return history.with(place, { ...operation, value });
      }
      return undefined;
    },
  },
];
