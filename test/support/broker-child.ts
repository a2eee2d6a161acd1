// A broker in a process of its own, so that it can be killed: the options of `createBroker` come as JSON in the first argument,
// the address goes out as a line. SIGTERM closes it; it ends with the process that started it, too. Its disk is the machine's and
// its clock as well, until it is told over the channel to its parent that something is wrong with them.
import { systemClock, type Clock } from '@throughline/event';
import { createBroker, systemDisk } from '@throughline/broker';
import { FaultyDisk } from '@throughline/testkit';

/** What goes wrong with the machine from now on. */
export type Misfortune =
  /** Until there is space again. */
  | { readonly kind: 'full disk'; readonly bytesFree: number }
  | { readonly kind: 'space again' }
  /** The next sync of the commit journal. */
  | { readonly kind: 'failing sync' }
  /** The wall clock; a restart sets it right. */
  | { readonly kind: 'clock jump'; readonly jumpMs: number };

/** What the child answers when it has come about. */
export interface MisfortuneReport {
  /** A write has come to the end of the disk before. */
  readonly wasFull: boolean;
}

const disk = new FaultyDisk(systemDisk);
let wallJumpMs = 0;
const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + wallJumpMs };

process.on('message', (misfortune: Misfortune) => {
  const report: MisfortuneReport = { wasFull: disk.bytesFree === 0 };
  switch (misfortune.kind) {
    case 'full disk':
      disk.bytesFree = misfortune.bytesFree;
      break;
    case 'space again':
      disk.heal();
      break;
    case 'failing sync':
      disk.fail({ operation: 'sync', path: '.journal', code: 'EIO' });
      break;
    case 'clock jump':
      wallJumpMs += misfortune.jumpMs;
      break;
  }
  process.send?.(report);
});
process.once('disconnect', () => process.exit());
// Whoever closes the broker wants the process to end.
process.channel?.unref();

const options = JSON.parse(process.argv[2] ?? '{}') as Parameters<typeof createBroker>[0];
const broker = await createBroker({ ...options, disk, clock });
process.stdout.write(`${broker.address}\n`);
process.once('SIGTERM', () => void broker.close());
