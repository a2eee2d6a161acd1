// The files of packages/wire/src/{apis,records} are what the generator makes of the schemas in Apache Kafka 4.3.1's jars: not
// one was changed by hand, and none is of another version of Kafka. So with the errors.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isRetriableKafkaError, MessageReader, Writer } from '@throughline/wire';
import { JavaProgram, javaSource } from './java-tools.ts';
import { kafkaTool, withoutKafka } from './toolchain.ts';

test("every file of an API is what the generator makes of Kafka's schema", { skip: withoutKafka() }, () => {
  const classpath = spawnSync('bash', [kafkaTool, 'classpath'], { encoding: 'utf8' }).stdout.trim();
  const jars = path.dirname(classpath.split(':')[0]!);
  // Beside the real ones, so that the formatter finds its configuration.
  const target = mkdtempSync(path.join('packages', 'wire', '.generated-'));
  try {
    const generator = ['--conditions=throughline-source', 'scripts/generate-wire.ts', jars, target];
    const { status, stderr } = spawnSync(process.execPath, generator, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    for (const room of ['apis', 'records']) {
      const filesOf = (folder: string): string[] => globSync('*.ts', { cwd: path.join(folder, room) }).sort();
      assert.deepEqual(filesOf('packages/wire/src'), filesOf(target));
      for (const file of filesOf(target)) {
        const [kept, made] = ['packages/wire/src', target].map((folder) => {
          return readFileSync(path.join(folder, room, file), 'utf8');
        });
        assert.equal(kept, made, `${room}/${file}`);
      }
    }
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
});

test("the errors, their numbers and which of them are retriable are Kafka's", { skip: withoutKafka() }, async () => {
  await using program = new JavaProgram([javaSource('ShowErrors')]);
  const kafka: string[] = [];
  for await (const line of program.lines) kafka.push(line);
  assert.equal(await program.exited(), 0, program.complaints);
  const ours = Array.from({ length: kafka.length }, (_, index) => {
    const to = new Writer(2);
    to.int16(index - 1);
    const name = new MessageReader(to.finish(), { version: 0, isFlexible: false }).errorCode();
    return `${index - 1} ${name} ${isRetriableKafkaError(name)}`;
  });
  assert.deepEqual(ours, kafka);
});
