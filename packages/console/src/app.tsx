// The page: the client that everything reads from, the frame, the routes and the shortcuts.
//
//   /             a new conversation          /c/:id        a conversation
//   /tables       the first table             /tables/:name one table
import { useMemo, useRef, useState, type ReactNode } from 'react';
import { systemClock } from '@throughline/event';
import { createClient } from '@throughline/state';
import { ClientProvider } from '@throughline/state/react';
import { useLocation, useRoute } from 'wouter';
import { OpenDrawer } from './bar.tsx';
import { cuttableFetch } from './break-it/cuttable-fetch.ts';
import { ConversationScreen, type ScreenHandle } from './chat/conversation-screen.tsx';
import { cutMs } from './defaults.ts';
import { ShortcutsDialog, useShortcuts } from './shortcuts.tsx';
import { Sidebar } from './sidebar.tsx';
import { TablesPage } from './tables/tables-page.tsx';
import { Toasts, useToast } from './ui/toasts.tsx';
import { useStatus } from './use-status.ts';

const wire = cuttableFetch(
  (input, init) => globalThis.fetch(input, init),
  () => systemClock.monotonicMs(),
);
const client = createClient({ fetch: wire.fetch, storage: window.localStorage });

export function App(): ReactNode {
  return (
    <ClientProvider client={client}>
      <Toasts>
        <Frame />
      </Toasts>
    </ClientProvider>
  );
}

function Frame(): ReactNode {
  const [location, navigate] = useLocation();
  const [isConversation, conversationParams] = useRoute('/c/:id');
  const [isTable, tableParams] = useRoute('/tables/:name');
  const isTables = isTable || location === '/tables';
  // The id of the conversation that `/` would begin. It is the same before and after the first question, so the screen stays.
  const [newId, setNewId] = useState(() => client.newId());
  const [isDrawerOpen, setIsDrawerOpen] = useState(false);
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const filterField = useRef<HTMLInputElement>(null);
  const screen = useRef<ScreenHandle>(null);
  const showToast = useToast();
  const status = useStatus();
  const openDrawer = useMemo(() => () => setIsDrawerOpen(true), []);

  const currentId = isTables ? undefined : isConversation ? conversationParams.id : newId;
  const begin = (): void => {
    setNewId(client.newId());
    setIsDrawerOpen(false);
    navigate('/');
  };
  useShortcuts((shortcut) => {
    if (shortcut === 'help') setIsHelpOpen(true);
    if (shortcut === 'new') begin();
    if (shortcut === 'tables') navigate('/tables');
    if (shortcut === 'composer') document.getElementById('composer')?.focus();
    if (shortcut === 'jump') screen.current?.jumpToEnd();
    if (shortcut === 'filter') {
      setIsDrawerOpen(true);
      filterField.current?.focus();
    }
    if (shortcut === 'stop') {
      if (isDrawerOpen) setIsDrawerOpen(false);
      else screen.current?.stop();
    }
  });

  return (
    <OpenDrawer value={openDrawer}>
      <a className="skip-link" href="#main">
        Skip to the conversation
      </a>
      <div className="frame" data-drawer={isDrawerOpen ? 'open' : 'closed'}>
        <Sidebar
          currentId={currentId}
          isTables={isTables}
          filterField={filterField}
          onNew={begin}
          onHelp={() => setIsHelpOpen(true)}
          onChosen={() => setIsDrawerOpen(false)}
        />
        <button
          type="button"
          className="drawer-shade"
          aria-label="Close the list"
          tabIndex={-1}
          onClick={() => setIsDrawerOpen(false)}
        />
        <div className="content">
          {currentId === undefined ? (
            <TablesPage name={tableParams?.name} />
          ) : (
            <ConversationScreen
              key={currentId}
              id={currentId}
              handle={screen}
              canBreak={status?.mode === 'development'}
              onCutConnection={() => {
                wire.cut(cutMs);
                showToast({ text: `This tab is cut off for ${cutMs / 1_000} s.` });
              }}
              onBegun={() => navigate(`/c/${currentId}`, { replace: true })}
            />
          )}
        </div>
      </div>
      <ShortcutsDialog isOpen={isHelpOpen} onClose={() => setIsHelpOpen(false)} />
    </OpenDrawer>
  );
}
