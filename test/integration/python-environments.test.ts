// What functions in Python ask for is installed once, from their requirements.txt or pyproject.toml; what cannot be had fails its
// own functions only. The package is a wheel that the test makes, so no network is needed.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { PythonEnvironments } from '../../packages/throughline/src/dev/python-environments.ts';
import { PythonFinder } from '../../packages/throughline/src/dev/python-finder.ts';
import { startServer } from '../support/server.ts';

const skip =
  spawnSync('python3', ['-c', 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))']).status === 0
    ? false
    : 'no Python 3.10 with venv';

const wheelProgram = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("greeting.py", "def greet(name):\\n    return 'hello ' + name\\n")
    wheel.writestr("greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: greeting\\nVersion: 1.0\\n")
    wheel.writestr("greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("greeting-1.0.dist-info/RECORD", "greeting.py,,\\ngreeting-1.0.dist-info/METADATA,,\\ngreeting-1.0.dist-info/WHEEL,,\\ngreeting-1.0.dist-info/RECORD,,\\n")
`;
const handler = 'from greeting import greet\n\ndef handler(event, context):\n    return greet(event["name"])\n';

describe('the environment of a function in Python', { skip }, () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-python-'));
  const app = path.join(folder, 'app');
  const dataDir = path.join(folder, 'data');
  const wheel = path.join(folder, 'greeting-1.0-py3-none-any.whl');
  const write = (file: string, text: string): void => {
    const full = path.join(app, file);
    mkdirSync(path.dirname(full), { recursive: true });
    writeFileSync(full, text);
  };

  before(() => {
    const { status, stderr } = spawnSync('python3', ['-c', wheelProgram, wheel], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    write('one/handler.py', handler);
    write('one/requirements.txt', '# what it needs\n../../greeting-1.0-py3-none-any.whl\n');
    write('one/same.py', handler);
    write('project/handler.py', handler);
    write(
      'project/pyproject.toml',
      `[project]\nname = "p"\nversion = "1"\ndependencies = ["greeting @ file://${wheel}"]\n`,
    );
    write('bad/handler.py', handler);
    write('bad/requirements.txt', '--no-index\nnobody-has-this-package==1.0\n');
    write('plain/handler.py', 'def handler(event, context):\n    return "plain"\n');
    write(
      'throughline.config.mjs',
      `const folders = { one: 'one/handler.py', same: 'one/same.py', project: 'project/handler.py', bad: 'bad/handler.py', plain: 'plain/handler.py' };
      export default { functions: Object.fromEntries(Object.entries(folders).map(([name, entry]) => [name, { entry, triggers: [{ type: 'url' }] }])) };`,
    );
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const call = async (url: string, name: string): Promise<{ status: number; value: unknown }> => {
    const address = `${url}/2015-03-31/functions/${name}/invocations`;
    const response = await fetch(address, { method: 'POST', body: '{"name":"Ada"}' });
    return { status: response.status, value: await response.json() };
  };

  test('is made once for each file, and one that cannot be made fails its own function only', async (t) => {
    const first = await startServer({ app, dataDir });
    t.after(() => first.stop());
    assert.match(first.output, /making the Python environment of one, same \(1 package\) …/);
    assert.match(first.output, /making the Python environment of project \(1 package\) …/);
    assert.match(
      first.output,
      /bad cannot run: .*bad\/requirements\.txt: No matching distribution found for nobody-has-this-package==1\.0 \[PYTHON_ENVIRONMENT_FAILED\]/,
    );
    for (const name of ['one', 'same', 'project']) assert.equal((await call(first.url, name)).value, 'hello Ada');
    assert.equal((await call(first.url, 'plain')).value, 'plain');
    const failed = (await call(first.url, 'bad')).value as { errorType: string; errorMessage: string };
    assert.equal(failed.errorType, 'Throughline.PYTHON_ENVIRONMENT_FAILED');
    const answer = await fetch(`${first.url}/lambda-url/bad/`);
    const { error } = (await answer.json()) as { error: { code: string; remedy: string } };
    assert.deepEqual([answer.status, error.code], [502, 'PYTHON_ENVIRONMENT_FAILED']);
    const status = (await (await fetch(`${first.url}/v1/status`)).json()) as {
      functions: { name: string; initError?: { code: string } }[];
    };
    assert.equal(status.functions.find(({ name }) => name === 'bad')?.initError?.code, 'PYTHON_ENVIRONMENT_FAILED');
    const cache = path.join(dataDir, 'cache/python');
    const made = readdirSync(cache).filter((name) => !name.endsWith('.json'));
    assert.equal(made.length, 2);
    assert.match(readFileSync(path.join(cache, made[0]!, 'requirements.lock'), 'utf8'), /^greeting @ file:\/\//);
    await first.stop();

    write('bad/requirements.txt', '../../greeting-1.0-py3-none-any.whl\n');
    const second = await startServer({ app, dataDir });
    t.after(() => second.stop());
    assert.equal((await call(second.url, 'bad')).value, 'hello Ada');
    // The file in another folder asks for the same wheel: what was made is not made again.
    assert.doesNotMatch(second.output, /making the Python environment of (?:one|project|bad)/);
  });

  test('that is cut in the middle leaves nothing half', async () => {
    const cacheDir = path.join(folder, 'cache');
    const base = new PythonFinder(app).find('test');
    const file = path.join(app, 'one/requirements.txt');
    const stop = new AbortController();
    const cut = new PythonEnvironments({ cacheDir, onProgress: () => stop.abort(), signal: stop.signal });
    await assert.rejects(cut.runtimeFor(file, base, ['one']), (error) => ThroughlineError.is(error, 'CLOSED'));
    // What a killed process leaves: a folder that no file names.
    mkdirSync(path.join(cacheDir, 'python', 'abc-999999999-0'), { recursive: true });
    const whole = new PythonEnvironments({ cacheDir, onProgress: () => {}, signal: new AbortController().signal });
    whole.sweep();
    assert.deepEqual(readdirSync(path.join(cacheDir, 'python')), []);
    const { interpreter } = await whole.runtimeFor(file, base, ['one']);
    const asked = spawnSync(interpreter, ['-c', 'import greeting; print(greeting.greet("you"))'], { encoding: 'utf8' });
    assert.equal(asked.stdout, 'hello you\n');
    assert.equal((await whole.runtimeFor(file, base, ['one'])).interpreter, interpreter);
  });

  // A start that was stopped while packages were installed said CLOSED, had exit code 1, and left pip running.
  test('that is being made ends with the server, cleanly', async () => {
    const main = path.resolve(import.meta.dirname, '../../packages/throughline/src/cli/main.ts');
    const flags = ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', main, 'dev', app];
    const place = path.join(folder, 'stopped');
    const ports = ['--http-port', '0', '--kafka-port', '0', '--data-dir', place];
    const child = spawn(process.execPath, [...flags, ...ports], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (text.includes('making the Python environment')) child.kill('SIGTERM');
    });
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 0, said);
    assert.doesNotMatch(said, /CLOSED/);
    assert.deepEqual(readdirSync(path.join(place, 'cache/python')), []);
    const commands = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout;
    assert.ok(!commands.includes(path.join(place, 'cache/python')), commands);
  });

  test('is what `throughline python` runs, with throughline importable', () => {
    const main = path.resolve(import.meta.dirname, '../../packages/throughline/src/cli/main.ts');
    const program = 'import greeting, throughline.functions, sys; print(greeting.greet(sys.argv[1]))';
    const flags = ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', main];
    const words = ['python', '--app', path.join(app, 'one'), '--data-dir', dataDir, '--', '-c', program, 'Bo'];
    const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, ...words], { encoding: 'utf8' });
    assert.deepEqual([stdout, status], ['hello Bo\n', 0], stderr);
  });
});
