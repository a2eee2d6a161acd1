// Copies a text and says so for a moment, in sight and to a screen reader.
import { useEffect, useState, type ReactNode } from 'react';
import { copiedMs } from '../defaults.ts';
import { Check, Copy } from './icons.tsx';
import { useToast } from './toasts.tsx';

export function CopyButton({ label, text }: { readonly label: string; readonly text: () => string }): ReactNode {
  const [isCopied, setIsCopied] = useState(false);
  const showToast = useToast();
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setIsCopied(false), copiedMs);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = (): void => {
    writeClipboard(text()).then(
      () => setIsCopied(true),
      () => showToast({ text: 'The browser rejected the clipboard. Select the text and copy it by hand.' }),
    );
  };
  return (
    <button type="button" className="quiet" aria-label={label} title={label} onClick={copy}>
      {isCopied ? <Check /> : <Copy />}
      <span aria-live="polite">{isCopied ? 'Copied' : ''}</span>
    </button>
  );
}

async function writeClipboard(text: string): Promise<void> {
  // Absent where the page is not served from a secure context (another machine's plain http address).
  await (navigator.clipboard as Clipboard | undefined)?.writeText(text);
  if ((navigator.clipboard as Clipboard | undefined) === undefined)
    throw new DOMException('no clipboard', 'NotAllowedError');
}
