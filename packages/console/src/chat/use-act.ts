// Something a person asked for that the server may reject: the rejection is shown, with what to do.
import { useCallback } from 'react';
import { ThroughlineError } from '@throughline/event';
import { useToast } from '../ui/toasts.tsx';

export function useAct(): (action: () => Promise<unknown> | void) => void {
  const showToast = useToast();
  return useCallback(
    (action) => {
      const rejected = (thrown: unknown): void => {
        const { message, remedy } = ThroughlineError.from(thrown);
        showToast({ text: `${message}. ${remedy}` });
      };
      try {
        Promise.resolve(action()).catch(rejected);
      } catch (thrown) {
        rejected(thrown);
      }
    },
    [showToast],
  );
}
