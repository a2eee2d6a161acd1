// A function that returns a value: what AWS's API, a function URL and `throughline invoke` call.
interface Greeting {
  readonly name?: string;
}

export async function handler({ name = 'world' }: Greeting): Promise<{ readonly hello: string }> {
  return { hello: name };
}
