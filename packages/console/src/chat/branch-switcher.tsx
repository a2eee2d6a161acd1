// ‹1/2›: goes through the branches that a message is one of.
import type { ReactNode } from 'react';
import { ChevronLeft, ChevronRight } from '../ui/icons.tsx';

export interface BranchSwitcherProps {
  /** What the branches are, for the labels: `question` or `reply`. */
  readonly noun: string;
  readonly siblingIds: readonly string[];
  readonly messageId: string;
  readonly onSelect: (messageId: string) => void;
}

export function BranchSwitcher({ noun, siblingIds, messageId, onSelect }: BranchSwitcherProps): ReactNode {
  if (siblingIds.length < 2) return null;
  const index = siblingIds.indexOf(messageId);
  const step = (by: number, label: string, icon: ReactNode): ReactNode => {
    const target = siblingIds[index + by];
    return (
      <button
        type="button"
        className="quiet"
        aria-label={`${label} ${noun}`}
        title={`${label} ${noun}`}
        disabled={target === undefined}
        onClick={() => target !== undefined && onSelect(target)}
      >
        {icon}
      </button>
    );
  };
  return (
    <span className="branches" role="group" aria-label={`Versions of this ${noun}`}>
      {step(-1, 'Previous', <ChevronLeft />)}
      <span aria-label={`Version ${index + 1} of ${siblingIds.length}`} role="img">
        {index + 1}/{siblingIds.length}
      </span>
      {step(1, 'Next', <ChevronRight />)}
    </span>
  );
}
