// The icons of the page, drawn on a 16 × 16 grid with one stroke width. All are decoration: the control has the label.
import type { ReactNode } from 'react';

function icon(paths: ReactNode): () => ReactNode {
  return () => (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {paths}
    </svg>
  );
}

export const Archive = icon(<path d="M2.5 3.5h11v3h-11zM3.5 6.5v6h9v-6M6.5 9.2h3" />);
export const ArrowDown = icon(<path d="M8 3v10M4 9l4 4 4-4" />);
export const ArrowRight = icon(<path d="M3 8h10M9 4l4 4-4 4" />);
export const ArrowUp = icon(<path d="M8 13V3M4 7l4-4 4 4" />);
export const Check = icon(<path d="M3 8.5l3.2 3.2L13 5" />);
export const ChevronLeft = icon(<path d="M10 3.5L5.5 8l4.5 4.5" />);
export const ChevronRight = icon(<path d="M6 3.5L10.5 8 6 12.5" />);
export const Copy = icon(<path d="M5.5 5.5h7v8h-7zM3.5 10.5v-8h7" />);
export const Cross = icon(<path d="M4 4l8 8M12 4l-8 8" />);
export const Dots = icon(<path d="M3.5 8h.01M8 8h.01M12.5 8h.01" strokeWidth="2.4" />);
export const Hammer = icon(<path d="M9.2 2.5L6 8h3.5L6.4 13.5M3 3.5l1.2 1.2M12.8 11.3l1.2 1.2M2.5 8H4M12 6.5h1.5" />);
export const Keyboard = icon(<path d="M1.8 4h12.4v8H1.8zM4.5 6.6h.01M7 6.6h.01M9.3 6.6h.01M11.6 6.6h.01M5 9.5h6" />);
export const Menu = icon(<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11" />);
export const Moon = icon(<path d="M13 9.6A5.5 5.5 0 0 1 6.4 3a5.5 5.5 0 1 0 6.6 6.6z" />);
export const Pencil = icon(<path d="M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3z" />);
export const Plus = icon(<path d="M8 3v10M3 8h10" />);
export const Retry = icon(<path d="M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3" />);
export const Stop = icon(<rect x="4" y="4" width="8" height="8" rx="1.2" fill="currentColor" stroke="none" />);
export const Sun = icon(
  <path d="M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9" />,
);
export const SystemTheme = icon(<path d="M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11" />);
export const Table = icon(<path d="M2.5 3.5h11v9h-11zM2.5 6.5h11M6.5 6.5v6" />);
export const Trash = icon(<path d="M3 4.5h10M6.5 4.5v-2h3v2M4.2 4.5l.6 9h6.4l.6-9" />);

/** The sign of the house: two marks on one line. */
export function Brand(): ReactNode {
  return (
    <svg
      width="20"
      height="20"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      aria-hidden="true"
    >
      <path d="M10 1v18" strokeLinecap="round" />
      <circle cx="10" cy="6" r="2.8" fill="var(--paper-sunk)" />
      <circle cx="10" cy="14" r="3" fill="currentColor" />
    </svg>
  );
}
