import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { resolveConfig, type ConfigSources } from './config.ts';
import * as defaults from './defaults.ts';
import { environmentNames, flagOf, settingNames, type SettingName } from './settings.ts';

const temporary = mkdtempSync(path.join(os.tmpdir(), 'throughline-config-'));
after(() => rmSync(temporary, { recursive: true, force: true }));

/** An application whose file has these properties beside its function. */
function appOf(properties: string): string {
  const folder = mkdtempSync(path.join(temporary, 'app-'));
  const text = `export default { functions: { answer: { entry: './answer.ts' } }, ${properties} }`;
  writeFileSync(path.join(folder, 'throughline.config.mjs'), text);
  return folder;
}

const resolve = (sources: Partial<ConfigSources>): ReturnType<typeof resolveConfig> =>
  resolveConfig({ app: appOf(''), flags: {}, environment: {}, workingDir: '/work-dir', ...sources });

async function assertInvalid(sources: Partial<ConfigSources>, says: RegExp): Promise<void> {
  await assert.rejects(resolve(sources), (error) => {
    assert.ok(ThroughlineError.is(error, 'CONFIG_INVALID'), String(error));
    assert.match(error.message, says);
    return true;
  });
}

/** Two good values of each setting, as text, and what they become. */
const samples: Record<SettingName, [text: string, value: unknown, other: string]> = {
  httpPort: ['1234', 1234, '0'],
  kafkaPort: ['1235', 1235, '0'],
  host: ['localhost', 'localhost', '::1'],
  dataDir: ['/data', '/data', '/other'],
  docs: ['/docs', '/docs', '/other'],
  model: ['openai-compatible', 'openai-compatible', 'docs'],
  modelUrl: ['http://one/v1', 'http://one/v1', 'http://two/v1'],
  modelId: ['one', 'one', 'two'],
  log: ['embedded', 'embedded', 'embedded'],
  longPollMs: ['5', 5, '6'],
  durability: ['os', 'os', 'memory'],
};
const needed = { THROUGHLINE_MODEL_URL: 'http://needed/v1', THROUGHLINE_MODEL_ID: 'needed' };

test('each setting comes from its flag, else from its environment variable, else from the file', async () => {
  for (const name of settingNames) {
    const [text, value, other] = samples[name];
    const app = appOf(`${name}: ${JSON.stringify(value)}`);
    const fromFile = await resolve({ app, environment: name.startsWith('model') ? needed : {} });
    if (name !== 'modelUrl' && name !== 'modelId')
      assert.deepEqual([name, fromFile[name], fromFile.origins[name]], [name, value, 'file']);
    const environment = { ...needed, [environmentNames[name]]: text };
    const fromEnvironment = await resolve({ environment });
    assert.deepEqual([name, fromEnvironment[name], fromEnvironment.origins[name]], [name, value, 'environment']);
    const fromFlag = await resolve({
      app,
      flags: { [name]: text },
      environment: { ...needed, [environmentNames[name]]: other },
    });
    assert.deepEqual([name, fromFlag[name], fromFlag.origins[name]], [name, value, 'flag']);
  }
});

test('what nobody sets has its default', async () => {
  const config = await resolve({});
  assert.equal(config.httpPort, defaults.httpPort);
  assert.equal(config.longPollMs, defaults.longPollMs);
  assert.equal(config.durability, 'fsync');
  assert.equal(config.dataDir, '/work-dir/.throughline');
  assert.equal(config.docs, path.join(config.appDir, 'docs'));
  assert.deepEqual(new Set(Object.values(config.origins)), new Set(['default']));
});

test('a path is relative to what its writer sees', async () => {
  const app = appOf(`dataDir: 'data', docs: '../docs'`);
  const fromFile = await resolve({ app });
  assert.deepEqual([fromFile.dataDir, fromFile.docs], [path.join(app, 'data'), path.join(app, '../docs')]);
  const fromFlag = await resolve({ app, flags: { dataDir: 'data', docs: '../docs' } });
  assert.deepEqual([fromFlag.dataDir, fromFlag.docs], ['/work-dir/data', '/docs']);
  const fromEnvironment = await resolve({ app, environment: { THROUGHLINE_DATA_DIR: 'data' } });
  assert.equal(fromEnvironment.dataDir, '/work-dir/data');
});

test('an empty variable is one that is not set, an empty flag is a mistake', async () => {
  assert.equal((await resolve({ environment: { THROUGHLINE_HTTP_PORT: '' } })).httpPort, defaults.httpPort);
  await assertInvalid({ flags: { httpPort: '' } }, /^--http-port: .*""/);
});

test('a bad value is rejected by the name that its writer knows, with the value', async () => {
  const bad: Partial<Record<SettingName, string[]>> = {
    httpPort: ['abc', '-1', '65536', '1.5', '0x10', '1e3', ' 80'],
    kafkaPort: ['99999'],
    model: ['gpt'],
    modelUrl: ['nowhere', 'ftp://host', 'file:///etc/passwd'],
    log: ['kafka', 'kafka://'],
    longPollMs: ['0', '-5', 'soon', '99999999999'],
    durability: ['full'],
  };
  for (const name of settingNames) {
    for (const value of bad[name] ?? []) {
      const shown = JSON.stringify(value).replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
      await assertInvalid({ flags: { [name]: value } }, new RegExp(`^${flagOf(name)}: .*it is ${shown}$`));
      const variable = environmentNames[name];
      await assertInvalid({ environment: { [variable]: value } }, new RegExp(`^${variable}: .*it is ${shown}$`));
    }
  }
  await assertInvalid({ app: appOf('httpPort: 99999') }, /throughline\.config\.mjs: httpPort: /);
  await assertInvalid({ app: appOf('colour: "blue"') }, /throughline\.config\.mjs: .*colour/);
});

test('an address that is not loopback is rejected, and who gave it is said', async () => {
  for (const host of ['0.0.0.0', '192.168.1.2', 'example.com', '::', '127.evil.com']) {
    await assertInvalid({ flags: { host } }, /^--host: .* is not loopback/);
    await assertInvalid({ environment: { THROUGHLINE_HOST: host } }, /^THROUGHLINE_HOST: /);
    await assertInvalid({ app: appOf(`host: ${JSON.stringify(host)}`) }, /throughline\.config\.mjs: host: /);
  }
  for (const host of ['localhost', '::1', '127.0.0.1', '127.3.2.1'])
    assert.equal((await resolve({ flags: { host } })).host, host);
});

test('a cluster as the log is named by its addresses', async () => {
  for (const log of ['kafka://localhost:9092', 'kafka://a:9092,b:9093', 'kafka://[::1]:9092', 'kafka://broker']) {
    assert.equal((await resolve({ flags: { log } })).log, log);
  }
  await assertInvalid({ flags: { log: 'kafka://host:port' } }, /^--log: .*kafka:\/\/host:port/);
});

test('a model server needs its address and the name of its model', async () => {
  await assertInvalid({ flags: { model: 'openai-compatible' } }, /needs --model-url \(THROUGHLINE_MODEL_URL\)/);
  await assertInvalid(
    { flags: { model: 'openai-compatible', modelUrl: 'http://host/v1' } },
    /needs --model-id \(THROUGHLINE_MODEL_ID\)/,
  );
});

test('the key of the model server comes from the environment only', async () => {
  const environment = { THROUGHLINE_MODEL_KEY: 'secret' };
  assert.equal((await resolve({ environment })).modelKey, 'secret');
  await assertInvalid({ app: appOf('modelKey: "secret"') }, /modelKey/);
});

test('the function that answers must be there', async () => {
  await assertInvalid({ app: appOf('answer: "other"') }, /functions\.other is missing/);
});
