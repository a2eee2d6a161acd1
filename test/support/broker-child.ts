// A broker in a process of its own, so that it can be killed: the options of `createBroker` come as JSON in the first
// argument, the address goes out as a line. SIGTERM closes it.
import { createBroker } from '@throughline/broker';

const options = JSON.parse(process.argv[2] ?? '{}') as Parameters<typeof createBroker>[0];
const broker = await createBroker(options);
process.stdout.write(`${broker.address}\n`);
process.once('SIGTERM', () => void broker.close());
