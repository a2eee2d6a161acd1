// A supervisor in a process of its own, on a cluster that others work on, too, so that it can be killed. What it is told
// comes as JSON in the first argument. It says which partitions are its own over the channel to its parent, whenever that
// has changed; SIGTERM closes it.
import type { FunctionConfig, MemberOptions } from '@throughline/functions';
import { kafka } from '@throughline/log';
import { supervise } from '../integration/functions-harness.ts';

export interface SupervisorChildOptions {
  readonly address: string;
  readonly topic: string;
  readonly storePath: string;
  readonly member: MemberOptions;
  readonly functions: readonly FunctionConfig[];
}

export interface SupervisorNews {
  readonly owner: string;
  readonly partitions: readonly number[];
}

const options = JSON.parse(process.argv[2] ?? '') as SupervisorChildOptions;
const log = await kafka({ bootstrap: options.address });
const supervisor = await supervise({
  log,
  topic: options.topic,
  storePath: options.storePath,
  member: options.member,
  functions: options.functions,
  isExclusive: false,
});
let told = '';
const tell = setInterval(() => {
  const news: SupervisorNews = { owner: supervisor.owner, partitions: supervisor.status()[0]?.partitions ?? [] };
  const text = JSON.stringify(news);
  if (text !== told) process.send?.(news);
  told = text;
}, 20);
process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => {
  clearInterval(tell);
  void supervisor
    .close()
    .then(() => log.close())
    .then(() => process.exit());
});
