// Leaves an interval behind: it counts as long as the process runs, and each invocation says how far it has come.
let ticks = 0;
let isStarted = false;

export async function handler({ leak = true }: { leak?: boolean }): Promise<{ ticks: number; key: string }> {
  if (leak && !isStarted) setInterval(() => ticks++, 1);
  isStarted ||= leak;
  process.stdout.write('a line of a handler is no leak\n');
  return { ticks, key: process.env['KEY'] ?? '' };
}
