// AWS's own clients of the Runtime API, unmodified, run functions here: aws-lambda-ric (Node.js) and awslambdaric (Python), each
// before the suite of Lambda's contract that our own runtimes have.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { createFunctionHost } from '@throughline/functions';
import { MemoryLog } from '@throughline/testkit';
import { contractDir, contractSuite, invoke, streamingSuite } from '../conformance/function-contract.ts';
import { npmFolderWith, pythonWith } from './toolchain.ts';

const python = pythonWith(['awslambdaric==3.1.1']);
const node = npmFolderWith('aws-lambda-ric', '4.0.2', 'rapid-client.node');
const withoutNode = 'missing' in node ? node.missing : false;
const program = 'folder' in node ? path.join(node.folder, 'node_modules/aws-lambda-ric/index.mjs') : '';
const nodeRuntime = {
  kind: 'provided',
  name: 'nodejs24.x',
  command: [process.execPath, program, '{handler}'],
} as const;

contractSuite('awslambdaric', 'missing' in python ? python.missing : false, () => ({
  config: (module, handler) => ({
    runtime: {
      kind: 'provided',
      name: 'python3.12',
      command: ['python' in python ? python.python : '', '-m', 'awslambdaric', '{handler}'],
    },
    entry: path.join(contractDir, `${module}.py`),
    handler,
  }),
  circular: 'Runtime.MarshalError',
  broken: 'ValueError',
  hasNested: false,
}));

contractSuite('aws-lambda-ric', withoutNode, () => ({
  config: (module, handler) => ({
    runtime: nodeRuntime,
    entry: path.join(contractDir, `${module}.mjs`),
    handler,
  }),
  circular: 'Runtime.JSONStringifyError',
  broken: 'RangeError',
  hasNested: true,
}));

streamingSuite('aws-lambda-ric', withoutNode, () => nodeRuntime);

test('aws-lambda-ric asks for several invocations at once', { skip: withoutNode }, async (t) => {
  const entry = path.join(contractDir, 'contract.mjs');
  const host = createFunctionHost({
    log: new MemoryLog(),
    functions: [{ name: 'many', runtime: nodeRuntime, entry, environmentsMax: 1, invocationsPerEnvironment: 8 }],
  });
  t.after(() => host.close());
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => invoke(host, 'many', { n })));
  assert.deepEqual(
    answers.map(({ value }) => (value as { event: unknown }).event),
    answers.map((_, n) => ({ n })),
  );
});
