// A supervisor in a process of its own, for tests that kill it: it asks the question it is given, waits until some of the
// answer stands on its log, and prints the processes of its function as JSON.
import { answerFunction, ask, memoryLog, Reader, topic, supervise } from './functions-harness.ts';

const log = await memoryLog();
const supervisor = await supervise({ log, topic, functions: [answerFunction()], isExclusive: true });
const reader = new Reader(log);
const { runId } = await ask(log, process.argv[2] ?? '');
await reader.until(() => reader.text(runId).includes('word2 '), 'some words');
const pids = supervisor.status()[0]!.environments.map(({ pid }) => pid);
const { environment } = reader.run(runId)!.attempts[0]!;
process.stdout.write(`${JSON.stringify({ pids, environment })}\n`);
// The readers of the log do not keep a process alive.
setInterval(() => {}, 1000);
