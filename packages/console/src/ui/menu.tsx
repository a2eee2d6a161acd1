// A button that opens a short list of actions (WAI-ARIA menu button pattern): arrow keys walk, Escape and a click
// elsewhere close, focus comes back to the button.
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

export interface MenuItem {
  readonly label: ReactNode;
  readonly run: () => void;
  readonly isDisabled?: boolean;
}

export function Menu(props: {
  readonly label: string;
  readonly button: ReactNode;
  readonly items: readonly MenuItem[];
  readonly className?: string;
  readonly buttonClassName?: string;
}): ReactNode {
  const [isOpen, setIsOpen] = useState(false);
  const anchor = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!isOpen) return undefined;
    menuItems(anchor.current)[0]?.focus();
    const closeOutside = (event: PointerEvent): void => {
      if (event.target instanceof Node && anchor.current?.contains(event.target) === false) setIsOpen(false);
    };
    document.addEventListener('pointerdown', closeOutside);
    return () => document.removeEventListener('pointerdown', closeOutside);
  }, [isOpen]);

  const close = (): void => {
    setIsOpen(false);
    button.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!isOpen) return;
    const items = menuItems(anchor.current);
    const index = items.indexOf(document.activeElement as HTMLButtonElement);
    const target = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: items.length - 1 }[event.key];
    if (target !== undefined) items.at(target % items.length)?.focus();
    else if (event.key === 'Escape') close();
    else if (event.key === 'Tab') return setIsOpen(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className="menu-anchor" ref={anchor} onKeyDown={onKeyDown}>
      <button
        type="button"
        ref={button}
        className={props.buttonClassName ?? 'quiet'}
        aria-label={props.label}
        title={props.label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setIsOpen(!isOpen)}
      >
        {props.button}
      </button>
      {isOpen && (
        <div className={`menu ${props.className ?? ''}`} role="menu" id={id} aria-label={props.label}>
          {props.items.map((item, index) => (
            <button
              key={index}
              type="button"
              role="menuitem"
              tabIndex={-1}
              disabled={item.isDisabled}
              onClick={() => {
                close();
                item.run();
              }}
            >
              {item.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function menuItems(anchor: HTMLElement | null): HTMLButtonElement[] {
  return [...(anchor?.querySelectorAll<HTMLButtonElement>('[role=menuitem]:not(:disabled)') ?? [])];
}
