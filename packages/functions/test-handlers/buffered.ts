// A handler for tests that does not stream.
export async function handler(): Promise<unknown> {
  return { statusCode: 200, body: 'hello' };
}
