// The table of transitions is the truth: a real consumer walks every row of it, what is not in it is a defect, and the page
// about consumers shows it as it is.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { move, transitions, type ConsumerPhase, type PhaseEvent, type PhaseName } from './phases.ts';
import { Bench, failure } from './test-support.ts';

/** What makes a consumer go the way: `from on`. */
const walks: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  'catching-up reached': async (bench) => bench.live(),
  'catching-up progressed': async (bench) => {
    await bench.live();
    bench.cut(failure('LOG_UNREACHABLE'));
    await bench.phase('waiting');
    await bench.append(['more']);
    await bench.clock.advance(200);
  },
  'catching-up failed': async (bench) => {
    bench.tailError = failure('LOG_UNREACHABLE');
    await bench.start();
  },
  'catching-up removed': async (bench) => {
    bench.tailError = failure('UNKNOWN_TOPIC');
    await bench.start();
  },
  'catching-up broken': async (bench) => bench.start({ kind: 'code', error: failure('FOLD_CODE_CHANGED') }),
  'catching-up stopped': async (bench) => {
    bench.onTake = () => {
      throw failure('FOLD_REDUCER_FAILED');
    };
    await bench.start();
  },
  'live failed': async (bench) => {
    await bench.live();
    bench.cut(failure('LOG_UNREACHABLE'));
  },
  'live removed': async (bench) => {
    await bench.live();
    await bench.memory.admin.deleteTopic('words');
  },
  'live broken': async (bench) => {
    await bench.live();
    await bench.consumer.restart();
  },
  'live stopped': async (bench) => {
    await bench.live();
    await bench.consumer.close();
  },
  'waiting retried': async (bench) => {
    await bench.live();
    bench.cut(failure('LOG_UNREACHABLE'));
    await bench.phase('waiting');
    await bench.clock.advance(200);
  },
  'waiting broken': async (bench) => {
    await bench.live();
    bench.cut(failure('LOG_UNREACHABLE'));
    await bench.phase('waiting');
    await bench.consumer.restart();
  },
  'waiting stopped': async (bench) => {
    await bench.live();
    bench.cut(failure('LOG_UNREACHABLE'));
    await bench.phase('waiting');
    await bench.consumer.close();
  },
  'absent found': async (bench) => {
    await bench.live();
    bench.cut(failure('UNKNOWN_TOPIC'));
  },
  'absent broken': async (bench) => {
    await bench.live();
    await bench.memory.admin.deleteTopic('words');
    await bench.phase('absent');
    await bench.make(['new']);
    await bench.clock.advance(1_000);
  },
  'absent failed': async (bench) => {
    await bench.live();
    await bench.memory.admin.deleteTopic('words');
    await bench.phase('absent');
    bench.lookError = failure('LOG_UNREACHABLE');
    await bench.clock.advance(1_000);
  },
  'absent stopped': async (bench) => {
    await bench.live();
    await bench.memory.admin.deleteTopic('words');
    await bench.phase('absent');
    await bench.consumer.close();
  },
  'restarting restarted': async (bench) => {
    await bench.live();
    await bench.consumer.restart();
  },
  'restarting failed': async (bench) => {
    await bench.live();
    bench.onBreak = () => {
      throw failure('OUT_OF_DISK');
    };
    await bench.remake(['new']);
  },
  'restarting removed': async (bench) => {
    await bench.live();
    bench.onBreak = async () => {
      await bench.memory.admin.deleteTopic('words');
      throw failure('UNKNOWN_TOPIC');
    };
    await bench.remake(['new']);
  },
  'restarting stopped': async (bench) => {
    await bench.live();
    bench.onBreak = ({ error }) => {
      throw error!;
    };
    await bench.remake(['new']);
  },
  'stopped broken': async (bench) => {
    bench.onTake = () => {
      throw failure('FOLD_REDUCER_FAILED');
    };
    await bench.start();
    await bench.consumer.stopped;
    await bench.consumer.restart();
  },
};

test('there is a walk for every row of the table, and none beside it', () => {
  assert.deepEqual(Object.keys(walks).toSorted(), transitions.map(({ from, on }) => `${from} ${on}`).toSorted());
});

for (const { from, on, to, when } of transitions) {
  test(`a consumer that is ${from} goes by "${on}" to ${to}: ${when}`, { timeout: 10_000 }, async (t) => {
    const bench = new Bench(t);
    await bench.make(['a', 'b']);
    await walks[`${from} ${on}`]!(bench);
    await bench.until(() => bench.steps.includes(`${from} ${on} ${to}`));
  });
}

test('every way that is not in the table is a defect', () => {
  const names: readonly PhaseName[] = ['catching-up', 'live', 'waiting', 'absent', 'restarting', 'stopped'];
  const events = [...new Set(transitions.map(({ on }) => on))];
  const phaseOf = (name: PhaseName): ConsumerPhase => ({ name }) as ConsumerPhase;
  const known = new Set(transitions.map((each) => `${each.from} ${each.on} ${each.to}`));
  let rejectedCount = 0;
  for (const from of names) {
    for (const on of events satisfies readonly PhaseEvent[]) {
      for (const to of names) {
        if (known.has(`${from} ${on} ${to}`)) {
          assert.equal(move(phaseOf(from), on, phaseOf(to)).name, to);
          continue;
        }
        assert.throws(
          () => move(phaseOf(from), on, phaseOf(to)),
          (error) => ThroughlineError.is(error, 'INTERNAL'),
        );
        rejectedCount++;
      }
    }
  }
  assert.equal(rejectedCount, names.length * events.length * names.length - transitions.length);
});

test('the page about consumers shows the table', () => {
  const page = readFileSync(new URL('../../../../docs/internals/consumer.md', import.meta.url), 'utf8');
  const rows = page.match(/^\| `[a-z-]+` \| `[a-z]+` \| `[a-z-]+` \| .*$/gm) ?? [];
  assert.deepEqual(
    rows,
    transitions.map(({ from, on, to, when }) => `| \`${from}\` | \`${on}\` | \`${to}\` | ${when} |`),
  );
});
