// A function that returns a value: what AWS's API, a function URL and `throughline invoke` call. The event of a URL is AWS's
// payload format 2.0, which has the name in its query.
interface Greeting {
  readonly name?: string;
  readonly queryStringParameters?: { readonly name?: string };
}

export async function handler({ name, queryStringParameters }: Greeting): Promise<{ readonly hello: string }> {
  return { hello: name ?? queryStringParameters?.name ?? 'world' };
}
