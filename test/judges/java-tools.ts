// What the judges run of Apache Kafka's own Java world: its jars as a class path, a program on it, Kafka's command line tools
// in one JVM (clients/java/RunTools.java), and the jars of Connect that do not come with the broker.
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { kafkaTool } from './toolchain.ts';

const cache = process.env['THROUGHLINE_JUDGES_CACHE'] ?? path.join(os.homedir(), '.cache', 'throughline-judges');
const mavenCopy = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';
const kafkaVersion = '4.3.1';
const connectArtifacts = ['connect-file', 'connect-mirror', 'connect-mirror-client'] as const;

/** What a tool left behind. */
export interface ToolResult {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A Java program that runs; what it writes to stderr is kept for complaints. */
export class JavaProgram implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: Interface;
  readonly #exited: Promise<number | null>;
  #complaints = '';

  constructor(options: readonly string[], jars: readonly string[] = []) {
    const classPath = [kafkaJars(), ...jars].join(path.delimiter);
    const logging = `-Dlog4j2.configurationFile=file:${path.join(path.dirname(path.dirname(kafkaJars())), 'tool.properties')}`;
    this.child = spawn('java', ['-Xmx512M', logging, '-cp', classPath, ...options]);
    this.lines = createInterface({ input: this.child.stdout });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = `${this.#complaints}${text}`.slice(-8000);
    });
    this.#exited = once(this.child, 'exit').then(([status]) => status as number | null);
  }

  get complaints(): string {
    return this.#complaints;
  }

  exited(): Promise<number | null> {
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#exited;
  }
}

/** Kafka's command line tools against one broker, one after the other. */
export class KafkaTools implements AsyncDisposable {
  readonly #program = new JavaProgram([javaSource('RunTools')]);
  readonly #answers = this.#program.lines[Symbol.asyncIterator]();

  async run(words: readonly string[]): Promise<ToolResult> {
    this.#program.child.stdin.write(`${JSON.stringify(words)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`${words.join(' ')}: ${this.#program.complaints}`);
    return JSON.parse(value) as ToolResult;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}

/** A source file that `java` runs as it is. */
export function javaSource(name: string): string {
  return path.join(import.meta.dirname, 'clients', 'java', `${name}.java`);
}

/** The connectors of files and of MirrorMaker, fetched on the first call; or why they are not there. */
export function connectJars(): { readonly jars: readonly string[] } | { readonly missing: string } {
  mkdirSync(cache, { recursive: true });
  const jars = connectArtifacts.map((artifact) => path.join(cache, `${artifact}-${kafkaVersion}.jar`));
  for (const [index, artifact] of connectArtifacts.entries()) {
    if (existsSync(jars[index]!)) continue;
    const wanted = `-Dartifact=org.apache.kafka:${artifact}:${kafkaVersion}`;
    const { status, stdout } = spawnSync('mvn', ['-B', '-ntp', mavenCopy, wanted, `-DoutputDirectory=${cache}`], {
      encoding: 'utf8',
      timeout: 300_000,
    });
    if (status !== 0) return { missing: `mvn could not fetch ${artifact}: ${stdout.trim().slice(-300)}` };
  }
  return { jars };
}

let foundJars: string | undefined;

function kafkaJars(): string {
  if (foundJars === undefined) {
    const { status, stdout, stderr } = spawnSync('bash', [kafkaTool, 'classpath'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    foundJars = stdout.trim();
  }
  return foundJars;
}
