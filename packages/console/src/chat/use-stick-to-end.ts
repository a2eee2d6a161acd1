// Scrolling that does not fight the reader: the log follows its end only while the reader is there. Whoever scrolls up
// stays where they are, and gets a button back to the newest.
import { useCallback, useEffect, useRef, useState, type RefObject } from 'react';
import { flushSync } from 'react-dom';
import { stickSlackPx } from '../defaults.ts';

export interface StickToEnd {
  /** The element that scrolls. */
  readonly scroller: RefObject<HTMLDivElement | null>;
  /** The element in it that grows. */
  readonly content: RefObject<HTMLDivElement | null>;
  readonly isAtEnd: boolean;
  readonly jumpToEnd: () => void;
  /** Makes a change that adds something above what is in sight, which stays there. */
  readonly growUpwards: (change: () => void) => void;
}

/** Starts at the end. */
export function useStickToEnd(): StickToEnd {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const [isAtEnd, setIsAtEnd] = useState(true);

  const jumpToEnd = useCallback(() => {
    sticks.current = true;
    setIsAtEnd(true);
    const element = scroller.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  }, []);

  const growUpwards = useCallback((change: () => void) => {
    const element = scroller.current;
    const fromEnd = element === null ? 0 : element.scrollHeight - element.scrollTop;
    // A browser anchors its scrolling by itself, everywhere but at the very top, where this is pressed.
    flushSync(change);
    if (element !== null) element.scrollTop = element.scrollHeight - fromEnd;
  }, []);

  useEffect(() => {
    const element = scroller.current;
    const inner = content.current;
    if (element === null || inner === null) return undefined;
    let lastTop = element.scrollTop;
    const onScroll = (): void => {
      const isEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= stickSlackPx;
      // Content that grew moves the end away without the reader having moved; only a move upwards lets go of it.
      if (isEnd) sticks.current = true;
      else if (element.scrollTop < lastTop - 1) sticks.current = false;
      lastTop = element.scrollTop;
      setIsAtEnd(isEnd || sticks.current);
    };
    // The observer also calls once at the start, which shows the end first.
    const follow = new ResizeObserver(() => {
      if (sticks.current) element.scrollTop = element.scrollHeight;
      else onScroll();
    });
    follow.observe(inner);
    follow.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      follow.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, []);

  return { scroller, content, isAtEnd, jumpToEnd, growUpwards };
}
