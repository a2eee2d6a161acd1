// One part of a reply. Text is Markdown; what a model thought is folded away; a tool call says its name and how far it is.
// Sources stand under the reply, and parts that are for programs (steps, data) show nothing.
import { memo, type ReactNode } from 'react';
import { usePart } from '@throughline/state/react';
import type { UiPart } from '@throughline/event';
import { Markdown } from '../ui/markdown.tsx';
import { safeUrl } from './safe-url.ts';

export const Part = memo(function Part(props: {
  readonly messageId: string;
  readonly index: number;
  /** The run that writes it has not ended. */
  readonly isLive: boolean;
}): ReactNode {
  const part = usePart(props.messageId, props.index);
  if (part === undefined) return null;
  const text = textField(part, 'text');
  if (part.type === 'text') {
    const isStreaming = props.isLive && part['state'] === 'streaming';
    return <Markdown id={`${props.messageId}-${props.index}`} text={text} isStreaming={isStreaming} />;
  }
  if (part.type === 'reasoning') return text === '' ? null : <Reasoning text={text} />;
  if (part.type === 'file') return <File part={part} />;
  if (part.type === 'dynamic-tool' || part.type.startsWith('tool-')) return <ToolCall part={part} />;
  return null;
});

function Reasoning({ text }: { readonly text: string }): ReactNode {
  return (
    <details className="reasoning">
      <summary>Reasoning</summary>
      <p>{text}</p>
    </details>
  );
}

function File({ part }: { readonly part: UiPart }): ReactNode {
  const url = safeUrl(textField(part, 'url'));
  const name = textField(part, 'filename') || textField(part, 'mediaType') || 'file';
  return (
    <p>
      {url === undefined ? (
        `[${name}]`
      ) : (
        <a href={url} target="_blank" rel="noopener noreferrer nofollow">
          {name}
        </a>
      )}
    </p>
  );
}

const toolStates: Readonly<Record<string, string>> = {
  'input-streaming': 'is being called',
  'input-available': 'runs',
  'approval-requested': 'waits for an approval',
  'approval-responded': 'was answered',
  'output-available': 'has answered',
  'output-error': 'failed',
  'output-denied': 'was denied',
};

function ToolCall({ part }: { readonly part: UiPart }): ReactNode {
  const name = part.type === 'dynamic-tool' ? textField(part, 'toolName') : part.type.slice('tool-'.length);
  return (
    <p className="tool">
      Tool <code>{name}</code> {toolStates[textField(part, 'state')] ?? ''}
    </p>
  );
}

function textField(part: UiPart, name: string): string {
  const value = part[name];
  return typeof value === 'string' ? value : '';
}
