// A hundred conversations at once, 50 tokens a second each, one reader each: how long after the handler wrote it does a
// token reach its reader? Two environments, 50 invocations in each (Lambda's multi-concurrency). Every token carries the
// monotonic time of its writing, which processes of one machine share. The floor is the same load over bare SSE.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { postQuestion, uiChunks } from '../test/support/chat.ts';
import { startServer } from '../test/support/server.ts';
import { percentile, report, type Figure } from './support/figures.ts';

const conversations = 100;
const tokens = Number(process.env['BENCH_TOKENS'] ?? 500);
const question = `tokens=${tokens} paceMs=20 stamp=yes`;

interface Load {
  readonly lagsMs: number[];
  readonly delivered: number;
}

const figures: Figure[] = [];
const floor = await bareLoad();
for (const durability of ['os', 'fsync'] as const) {
  const server = await startServer({ app: 'bench/support/app', flags: ['--durability', durability] });
  const { lagsMs, delivered } = await load((index) =>
    postQuestion(server.url, `load-${index}`, `question-${index}`, question),
  );
  await server.dispose();
  const peer = (share: number): string => `bare SSE ${percentile(floor.lagsMs, share).toFixed(2)} ms`;
  figures.push(
    { name: `delivered, ${durability}`, value: (100 * delivered) / (conversations * tokens), unit: '%', bar: '>= 100' },
    { name: `lag p50, ${durability}`, value: percentile(lagsMs, 0.5), unit: 'ms', bar: '<= 60', peer: peer(0.5) },
    { name: `lag p99, ${durability}`, value: percentile(lagsMs, 0.99), unit: 'ms', bar: '<= 250', peer: peer(0.99) },
  );
}
report(`${conversations} conversations x 50 tokens/s x ${tokens} tokens, 2 environments x 50 invocations`, figures);

async function bareLoad(): Promise<Load> {
  const bare = fork('bench/support/bare-server.ts', { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const [line] = (await once(bare.stdout!, 'data')) as [Buffer];
  const { port } = JSON.parse(String(line)) as { port: number };
  const event = { messages: [{ role: 'user', parts: [{ type: 'text', text: question }] }] };
  const result = await load(() => fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: JSON.stringify(event) }));
  bare.disconnect();
  return result;
}

async function load(ask: (index: number) => Promise<Response>): Promise<Load> {
  const lagsMs: number[] = [];
  let delivered = 0;
  const readers = Array.from({ length: conversations }, async (_, index) => {
    for await (const chunk of uiChunks(await ask(index))) {
      if (chunk.type !== 'text-delta' || chunk.delta === undefined) continue;
      const nowNs = process.hrtime.bigint();
      // A replay may hold several tokens in one delta.
      for (const [, writtenNs] of chunk.delta.matchAll(/@(\d+)/g)) {
        delivered++;
        lagsMs.push(Number(nowNs - BigInt(writtenNs!)) / 1e6);
      }
    }
  });
  await Promise.all(readers);
  return { lagsMs, delivered };
}
