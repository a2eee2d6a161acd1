import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { silentLogger, unattended, type LogFields } from '@throughline/event';
import { ProcessDefects } from './process-defects.ts';

function recorded() {
  const errors: LogFields[] = [];
  return { errors, logger: { ...silentLogger, error: (fields: LogFields) => void errors.push(fields) } };
}

const failure = new TypeError('no');

test('a defect that a library reports is logged, said by readyz and by the exit code, and the process goes on', async () => {
  const { errors, logger } = recorded();
  const defects = new ProcessDefects(silentLogger);
  const watched = defects.watch(logger);
  watched.error({}, 'an error is no defect');
  assert.deepEqual([defects.problem, defects.exitCode], [undefined, 0]);
  for (const during of ['reading', 'writing']) {
    unattended(watched, during, () => {
      throw failure;
    });
  }
  assert.deepEqual(
    errors.map(({ error, during }) => [error, during]),
    [
      [undefined, undefined],
      [failure, 'reading'],
      [failure, 'writing'],
    ],
  );
  assert.equal(defects.problem?.code, 'INTERNAL');
  assert.match(defects.problem.message, /reading/, 'the first one');
  assert.equal(defects.exitCode, 1);
  const goesOn = Symbol('goes on');
  assert.equal(await Promise.race([defects.uncaught, Promise.resolve(goesOn)]), goesOn);
});

for (const event of ['uncaughtException', 'unhandledRejection']) {
  test(`an ${event} is a defect as well, and asks for an end`, async () => {
    const { errors, logger } = recorded();
    const events = new EventEmitter();
    const defects = new ProcessDefects(logger);
    defects.guard(events);
    events.emit(event, failure);
    await defects.uncaught;
    assert.equal(errors[0]?.['error'], failure);
    assert.equal(defects.problem?.code, 'INTERNAL');
    assert.equal(defects.exitCode, 1);
  });
}
