// A fenced code block of an answer: its language, a copy button, the code. No colours: a highlighter would be the largest
// thing on the page.
import { Children, isValidElement, type ReactNode } from 'react';
import { CopyButton } from './copy-button.tsx';

/** What Markdown renders for a fence: `pre` around one `code`. */
export function CodeBlock({ children }: { readonly children?: ReactNode }): ReactNode {
  const { language, text } = fence(children);
  return (
    <div className="code-block">
      <div className="code-block-head">
        <span>{language ?? 'text'}</span>
        <CopyButton label="Copy code" text={() => text} />
      </div>
      {/* Focusable, so that long lines can be scrolled with the keyboard. */}
      <pre tabIndex={0} role="group" aria-label={`Code${language === undefined ? '' : ` (${language})`}`}>
        <code>{text}</code>
      </pre>
    </div>
  );
}

function fence(children: ReactNode): { language: string | undefined; text: string } {
  const code = Children.toArray(children).find((child) =>
    isValidElement<{ className?: string; children?: ReactNode }>(child),
  );
  if (!isValidElement<{ className?: string; children?: ReactNode }>(code)) return { language: undefined, text: '' };
  const language = /\blanguage-([\w+#.-]+)/.exec(code.props.className ?? '')?.[1];
  return { language, text: textOf(code.props.children).replace(/\n$/, '') };
}

/** The characters of a fence: Markdown gives one string, or several while it streams. */
function textOf(children: ReactNode): string {
  return Children.toArray(children)
    .map((child) => (typeof child === 'string' || typeof child === 'number' ? String(child) : ''))
    .join('');
}
