// Notes when it begins and ends with an event, a line each, and fails where the event says that it is bad. The server is its parent:
// the process id of that names one life of the server.
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

interface Event {
  readonly id: string;
  readonly isBad: boolean;
}

function note(line: unknown): void {
  appendFileSync(process.env['HISTORY_FILE'] ?? '', `${JSON.stringify(line)}\n`);
}

export async function handler({ id, isBad }: Event): Promise<void> {
  note({ at: 'begin', id, life: process.ppid, pid: process.pid });
  await pause(8);
  note({ at: 'end', id, pid: process.pid, isDone: !isBad });
  if (isBad) throw new Error('the event is bad');
}
