// A function that says what it was called with. Each trigger has the event that AWS gives it.
interface Event {
  /** A request to its URL. */
  readonly rawPath?: string;
  /** Records of a topic, by partition. */
  readonly records?: Readonly<Record<string, readonly { readonly value: string }[]>>;
  /** Files of a folder. */
  readonly Records?: readonly { readonly s3: { readonly object: { readonly key: string } } }[];
  /** What the clock was told to send. */
  readonly from?: string;
}

export async function handler(event: Event): Promise<{ readonly hello: string }> {
  const who = callerOf(event);
  console.log(`hello ${who}`);
  return { hello: who };
}

function callerOf({ rawPath, records, Records, from = 'whoever you are' }: Event): string {
  if (rawPath !== undefined) return `request of ${rawPath}`;
  if (records !== undefined) {
    const values = Object.values(records)
      .flat()
      .map(({ value }) => Buffer.from(value, 'base64').toString());
    return `records ${values.join(', ')}`;
  }
  if (Records !== undefined) return `file ${Records.map(({ s3 }) => s3.object.key).join(', ')}`;
  return from;
}
