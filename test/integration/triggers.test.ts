// A clock, a file and an event of a bus call a function of a running server, each once; a file that comes while no server runs is
// found at the next start.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { delay, systemClock } from '@throughline/event';
import { startServer } from '../support/server.ts';

const handler = `import { appendFileSync } from 'node:fs';
export const handler = async (event: unknown) => appendFileSync(process.env['OUT']!, JSON.stringify(event) + '\\n');
`;

interface Called {
  readonly at?: number;
  readonly Records?: readonly { readonly s3: { readonly object: { readonly key: string } } }[];
  readonly detail?: { readonly total: number };
}

test('a clock, a file and a bus call a function, each once', async (t) => {
  const app = mkdtempSync(path.join(tmpdir(), 'throughline-triggers-'));
  t.after(() => rmSync(app, { recursive: true }));
  const out = path.join(app, 'called.txt');
  writeFileSync(path.join(app, 'any.ts'), handler);
  // Late enough for a slow machine to have started; a time that has passed would call nobody.
  const at = new Date(Date.now() + 15_000).toISOString().slice(0, 19);
  const triggers = [
    { type: 'schedule', expression: `at(${at})`, input: { at: 1 } },
    { type: 'bucket', folder: './uploads', suffix: '.png' },
    { type: 'bus', bus: 'default', pattern: { source: ['shop'], detail: { total: [{ numeric: ['>', 10] }] } } },
  ];
  const functions = { any: { entry: './any.ts', environment: { OUT: out }, triggers } };
  writeFileSync(path.join(app, 'throughline.config.ts'), `export default ${JSON.stringify({ functions })};\n`);
  const server = await startServer({ app });
  t.after(() => server.dispose());
  const calls = (): Called[] =>
    existsSync(out)
      ? readFileSync(out, 'utf8')
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Called)
      : [];
  const until = async (what: (call: Called) => boolean): Promise<void> => {
    while (!calls().some(what)) await delay(systemClock, 20, t.signal);
  };
  const keyOf = ({ Records }: Called): string | undefined => Records?.[0]?.s3.object.key;

  // What is in the folder before the trigger has written what it has seen was not put there for it.
  const seen = path.join(server.dataDir, 'triggers');
  while (!existsSync(seen) || readdirSync(seen).length === 0) await delay(systemClock, 20, t.signal);
  const put = async (total: number): Promise<number> => {
    const value = JSON.stringify({ source: 'shop', 'detail-type': 'order', detail: { total } });
    const response = await fetch(`${server.url}/v1/topics/bus.default/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records: [{ value }] }),
    });
    return response.status;
  };
  while ((await put(5)) !== 201) await delay(systemClock, 20, t.signal);
  assert.equal(await put(20), 201);
  await until(({ detail }) => detail?.total === 20);
  writeFileSync(path.join(app, 'uploads', 'first.png'), 'x');
  await until((call) => keyOf(call) === 'first.png');
  await until(({ at: asked }) => asked === 1);
  const described = await fetch(`${server.url}/v1/functions/any`);
  const { triggers: following } = (await described.json()) as { triggers: { type: string; problem?: unknown }[] };
  assert.deepEqual(
    following.map(({ type, problem }) => [type, problem]),
    [
      ['schedule', undefined],
      ['bucket', undefined],
      ['bus', undefined],
    ],
  );
  assert.equal((await fetch(`${server.url}/v1/functions/none`)).status, 404);

  await server.kill9();
  writeFileSync(path.join(app, 'uploads', 'meanwhile.png'), 'x');
  writeFileSync(path.join(app, 'uploads', 'meanwhile.txt'), 'x');
  await server.start();
  await until((call) => keyOf(call) === 'meanwhile.png');
  const keys = calls().flatMap((call) => keyOf(call) ?? []);
  assert.deepEqual(keys, ['first.png', 'meanwhile.png']);
  assert.deepEqual(
    calls().flatMap(({ detail }) => detail?.total ?? []),
    [20],
  );
  assert.equal(calls().filter(({ at: asked }) => asked === 1).length, 1);
});
