// The suite of Lambda's contract over both transports: our runtimes for Node.js and Python, and a small client of the Runtime
// API. AWS's own clients are judged by it under npm run test:judges.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { PythonFinder } from '../../packages/throughline/src/dev/python-finder.ts';
import { contractDir, contractSuite, streamingSuite } from './function-contract.ts';

const hasPython = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))']).status === 0;

contractSuite('our runtime for Node.js', false, () => ({
  config: (module, handler) => ({
    runtime: { kind: 'nodejs' },
    entry: path.join(contractDir, `${module}.mjs`),
    handler,
  }),
  circular: 'Runtime.JSONStringifyError',
  broken: 'RangeError',
  hasNested: true,
}));

streamingSuite('our runtime for Node.js', false, () => ({ kind: 'nodejs' }));

contractSuite('our runtime for Python', hasPython ? false : 'no Python 3.10', () => {
  const { runtime } = new PythonFinder(import.meta.dirname).find('functions.test');
  return {
    config: (module, handler) => ({ runtime, entry: path.join(contractDir, `${module}.py`), handler }),
    circular: 'Runtime.MarshalError',
    broken: 'ValueError',
    hasNested: false,
  };
});

contractSuite('a client of the Runtime API', false, () => ({
  config: (module, handler) => ({
    runtime: { kind: 'provided', name: 'provided.al2023' },
    entry: path.join(contractDir, 'bootstrap'),
    handler: `${module}.${handler}`,
  }),
  circular: 'TypeError',
  broken: 'RangeError',
  hasNested: true,
}));
