// The wait of a command that serves until SIGINT or SIGTERM; a second one ends the process at once.
import { stopWithinMs } from '../defaults.ts';
import { watchSignals } from '../signal-watch.ts';
import { say } from '../terminal/output.ts';

/** Resolves when a stop is asked for; from then on the process ends in bounded time. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    watchSignals({
      onStop: resolve,
      onOverdue: () => {
        say(`The stop took longer than ${stopWithinMs / 1000} s and was ended; nothing acknowledged is lost.`);
        process.exit(1);
      },
      onSecond: () => process.exit(1),
    });
  });
}
