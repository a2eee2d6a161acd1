// The bar above whatever the address shows: the drawer's button on a narrow screen, the title, and what belongs to it.
import { createContext, useContext, type ReactNode } from 'react';
import { Menu as MenuIcon } from './ui/icons.tsx';

/** Opens the drawer with the conversations. */
export const OpenDrawer = createContext<() => void>(() => {});

export function Bar(props: { readonly title: ReactNode; readonly children?: ReactNode }): ReactNode {
  const openDrawer = useContext(OpenDrawer);
  return (
    <header className="bar">
      <button type="button" className="quiet drawer-button" aria-label="Conversations" onClick={openDrawer}>
        <MenuIcon />
      </button>
      <h1>{props.title}</h1>
      <span className="spring" />
      {props.children}
    </header>
  );
}
