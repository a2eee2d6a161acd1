// Something a person asked for that the server may refuse: the refusal is shown, with what to do.
import { useCallback } from 'react';
import { ThroughlineError } from '@throughline/event';
import { useToast } from '../ui/toasts.tsx';

export function useAct(): (action: () => Promise<unknown> | void) => void {
  const showToast = useToast();
  return useCallback(
    (action) => {
      const refused = (thrown: unknown): void => {
        const { message, remedy } = ThroughlineError.from(thrown);
        showToast({ text: `${message}. ${remedy}` });
      };
      try {
        Promise.resolve(action()).catch(refused);
      } catch (thrown) {
        refused(thrown);
      }
    },
    [showToast],
  );
}
