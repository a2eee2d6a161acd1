// Which addresses of an answer become links.

/** The address when it leads to a page and can do nothing else; undefined otherwise. */
export function safeUrl(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  // One leading slash is a path of this server; two are another host.
  if (/^\/(?![/\\])/.test(address)) return address;
  return /^https?:\/\//i.test(address) ? address : undefined;
}
