// Three clients of the Go language against our broker: franz-go, Sarama and segmentio's kafka-go, each as one small program
// (clients/go) that goes through the scenario of clients/go/scenario/scenario.go: administration, every codec, a group with
// rebalances, and in some of the runs a kill -9 of the broker in the middle. Most of a run is waiting (for rebalances, for
// a broker that is away), so three go at a time, each with a broker of its own.
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { runClient } from './client-run.ts';
import { goPrograms } from './toolchain.ts';

interface Run {
  readonly program: string;
  /** What the head of the program says of it. */
  readonly variant: string;
  readonly isKilled: boolean;
}

const runs: readonly Run[] = [
  { program: 'franz', variant: 'static', isKilled: true },
  { program: 'franz', variant: 'cooperative', isKilled: true },
  { program: 'franz', variant: 'range', isKilled: false },
  { program: 'sarama', variant: '4.3.1', isKilled: true },
  { program: 'sarama', variant: '2.1.0', isKilled: false },
  { program: 'segmentio', variant: '', isKilled: true },
  { program: 'segmentio', variant: '', isKilled: false },
];
const found = goPrograms(path.join(import.meta.dirname, 'clients', 'go'));
const skip = 'missing' in found ? found.missing : false;

suite('Go clients: administration, every codec, a group that rebalances', { skip, concurrency: 3 }, () => {
  for (const { program, variant, isKilled } of runs) {
    const how = [program, variant, isKilled ? 'the broker killed in the middle' : ''];
    test(how.filter(Boolean).join(', '), async () => {
      assert.ok('folder' in found);
      await runClient([path.join(found.folder, program)], { isKilled, after: variant === '' ? [] : [variant] });
    });
  }
});
