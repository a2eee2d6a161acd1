// The body of a request, read no further than its limit.
import { ThroughlineError } from '@throughline/event';

/** @throws ThroughlineError BODY_TOO_LARGE */
export async function readBody(request: Request, bytesMax: number): Promise<Buffer> {
  const tooLarge = (): ThroughlineError =>
    new ThroughlineError('BODY_TOO_LARGE', `Request must be smaller than ${bytesMax} bytes`, { details: { bytesMax } });
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
