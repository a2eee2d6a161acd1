// What a reply stands on: its source parts as a numbered list of links under the text. An address that is no http(s) one
// and no path of this server is shown without being a link.
import type { ReactNode } from 'react';
import type { UiPart } from '@throughline/event';
import { safeUrl } from './safe-url.ts';

interface Source {
  readonly key: string;
  readonly title: string;
  readonly url: string | undefined;
}

export function Sources({ parts }: { readonly parts: readonly UiPart[] }): ReactNode {
  const sources = sourcesOf(parts);
  if (sources.length === 0) return null;
  return (
    <>
      <p className="sources-label">Sources</p>
      <ol className="sources" aria-label="Sources">
        {sources.map(({ key, title, url }) => (
          <li key={key}>
            {url === undefined ? (
              <span>{title}</span>
            ) : (
              <a href={url} target="_blank" rel="noopener noreferrer nofollow">
                {title}
              </a>
            )}
          </li>
        ))}
      </ol>
    </>
  );
}

/** The sources that parts name, each once. */
function sourcesOf(parts: readonly UiPart[]): Source[] {
  const found = new Map<string, Source>();
  for (const part of parts) {
    if (part.type !== 'source-url' && part.type !== 'source-document') continue;
    const address = text(part['url']);
    const title = text(part['title']) ?? text(part['filename']) ?? address ?? 'untitled source';
    const key = address ?? title;
    if (!found.has(key)) found.set(key, { key, title, url: safeUrl(address) });
  }
  return [...found.values()];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
