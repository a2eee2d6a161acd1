// First token through the whole path (POST, log, supervisor, function, log, SSE) against the same handler writing
// straight to a bare SSE response, asked in turn so that both see the same machine. Durability `os`, then `fsync`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { postQuestion, uiChunks } from '../test/support/chat.ts';
import { startServer } from '../test/support/server.ts';
import { percentile, report, type Figure } from './support/figures.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 300);
const warmUpRounds = 50;
const question = 'tokens=3 paceMs=0';

const bare = fork('bench/support/bare-server.ts', { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
const [line] = (await once(bare.stdout!, 'data')) as [Buffer];
const { port } = JSON.parse(String(line)) as { port: number };
const figures: Figure[] = [];
for (const durability of ['os', 'fsync'] as const) {
  const server = await startServer({ app: 'bench/support/app', flags: ['--durability', durability] });
  const ours: number[] = [];
  const floor: number[] = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    const through = await firstTokenMs(() =>
      postQuestion(server.url, `bench-${round + warmUpRounds}`, `question-${round + warmUpRounds}`, question),
    );
    const straight = await firstTokenMs(() => postStraight());
    if (round < 0) continue;
    ours.push(through);
    floor.push(straight);
  }
  await server.dispose();
  const added = (share: number): number => percentile(ours, share) - percentile(floor, share);
  const peer = (share: number): string =>
    `bare SSE ${percentile(floor, share).toFixed(2)} ms, whole path ${percentile(ours, share).toFixed(2)} ms`;
  const isBar = durability === 'os';
  figures.push(
    {
      name: `first token added, p50, ${durability}`,
      value: added(0.5),
      unit: 'ms',
      peer: peer(0.5),
      ...(isBar ? { bar: '<= 5' } : {}),
    },
    {
      name: `first token added, p99, ${durability}`,
      value: added(0.99),
      unit: 'ms',
      peer: peer(0.99),
      ...(isBar ? { bar: '<= 25' } : {}),
    },
  );
}
bare.disconnect();
report(`First token, ${rounds} rounds one after the other, warm`, figures);

function postStraight(): Promise<Response> {
  const event = { messages: [{ role: 'user', parts: [{ type: 'text', text: question }] }] };
  return fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: JSON.stringify(event) });
}

/** From sending the request to the first text delta; the answer is read to its end. */
async function firstTokenMs(ask: () => Promise<Response>): Promise<number> {
  const startedMs = performance.now();
  let firstMs = Number.NaN;
  for await (const chunk of uiChunks(await ask())) {
    if (chunk.type === 'text-delta' && Number.isNaN(firstMs)) firstMs = performance.now() - startedMs;
  }
  return firstMs;
}
