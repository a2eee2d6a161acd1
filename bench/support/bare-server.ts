// The floor under the first-token figure: the very handler that the server runs, writing straight to an HTTP response.
// Nothing is kept, nobody else can read it, and a cut loses it. Prints its port.
import { createServer } from 'node:http';

type Streaming = (event: unknown, stream: NodeJS.WritableStream, context: { signal: AbortSignal }) => Promise<void>;
Object.assign(globalThis, { awslambda: { streamifyResponse: (handler: Streaming) => handler } });
const { handler } = (await import('../../test/support/app/answer.ts')) as unknown as { handler: Streaming };

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    void handler(JSON.parse(body), response, { signal: new AbortController().signal });
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify(server.address())}\n`));
process.on('disconnect', () => process.exit());
