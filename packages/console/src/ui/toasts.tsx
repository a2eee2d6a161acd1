// Short notices at the corner, at most three at a time, each with at most one action (undo). Announced politely.
import { createContext, useContext, useMemo, useRef, useState, type ReactNode } from 'react';
import { toastMs } from '../defaults.ts';
import { Cross } from './icons.tsx';

export interface Toast {
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}
interface Shown extends Toast {
  readonly id: number;
}

const shownMax = 3;
const ShowToast = createContext<(toast: Toast) => void>(() => {});

/** Shows a notice. */
export function useToast(): (toast: Toast) => void {
  return useContext(ShowToast);
}

export function Toasts({ children }: { readonly children: ReactNode }): ReactNode {
  const [shown, setShown] = useState<readonly Shown[]>([]);
  const nextId = useRef(0);
  const controls = useMemo(() => {
    const remove = (id: number): void => setShown((all) => all.filter((toast) => toast.id !== id));
    const show = (toast: Toast): void => {
      const id = nextId.current++;
      setShown((all) => [...all, { ...toast, id }].slice(-shownMax));
      setTimeout(() => remove(id), toastMs);
    };
    return { show, remove };
  }, []);
  return (
    <ShowToast value={controls.show}>
      {children}
      <div className="toasts" role="status">
        {shown.map((toast) => (
          <div className="toast" key={toast.id}>
            <p>{toast.text}</p>
            {toast.action !== undefined && (
              <button
                type="button"
                onClick={() => {
                  toast.action?.run();
                  controls.remove(toast.id);
                }}
              >
                {toast.action.label}
              </button>
            )}
            <button type="button" className="quiet" aria-label="Close notice" onClick={() => controls.remove(toast.id)}>
              <Cross />
            </button>
          </div>
        ))}
      </div>
    </ShowToast>
  );
}
