// Loaded before each test file (run-tests.ts): makes sure that the file's process ends once its tests have.
//
// node:test waits for a file's process without a limit. A test that fails often leaves something running (a reader that
// connects again for ever, a server), so one failure would hold up the whole run until somebody ends it, with nothing said.
// Here the process has a grace after its last test. When that is over, it says what keeps it and exits with 1, which counts
// as a failure of the file: also a file whose tests all pass must close what it starts.
//
// Exit handlers run in both cases, and they end the processes that the tests have started (test/support/server.ts).
import { after } from 'node:test';

/** Hooks of the file may still stop servers: a clean stop takes up to 5 s, on a slow machine several times that. */
const graceMs = Number(process.env['THROUGHLINE_TEST_GRACE_MS'] ?? 30_000);

process.on('SIGTERM', () => process.exit(1));

// Root hooks run once all tests of the file have ended, this one before the file's own. The timer keeps nothing alive.
after(() => {
  setTimeout(() => {
    const resources = process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap');
    process.stderr.write(
      `${process.argv[1]}: the tests ended ${graceMs / 1000} s ago and the process does not. It is kept by: ${resources.join(', ')}\n`,
    );
    process.exit(1);
  }, graceMs).unref();
});
