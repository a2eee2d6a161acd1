// Before the first question: what this is, and three questions that work at once.
import type { ReactNode } from 'react';
import { exampleQuestions } from '../defaults.ts';
import { ArrowRight } from '../ui/icons.tsx';

export function EmptyState(props: { readonly isBlocked: boolean; readonly onAsk: (text: string) => void }): ReactNode {
  return (
    <div className="empty">
      <h2>Ask. Then try to make it forget.</h2>
      <p>
        Every word of an answer is on the log before you see it. Reload, open a second tab, kill the function or the
        whole server in mid-sentence: the answer goes on.
      </p>
      <ul className="examples" aria-label="Questions to begin with">
        {exampleQuestions.map((question) => (
          <li key={question}>
            <button type="button" disabled={props.isBlocked} onClick={() => props.onAsk(question)}>
              {question}
              <ArrowRight />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
