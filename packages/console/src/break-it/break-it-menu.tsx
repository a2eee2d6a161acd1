// The promise with the mouse: in development the page may kill the function, cut its own connection and crash the server.
// Each entry says what to watch, because the point is what does not happen.
import type { ReactNode } from 'react';
import { object, ThroughlineError, type Schema } from '@throughline/event';
import { postJson, request } from '../api.ts';
import { Hammer } from '../ui/icons.tsx';
import { Menu } from '../ui/menu.tsx';
import { useToast } from '../ui/toasts.tsx';

export interface BreakItProps {
  /** The run that is being written, so that the function of this reply is the one that dies. */
  readonly runId: string | undefined;
  /** Drops this tab's connection, as a network would. */
  readonly onCutConnection: () => void;
}

const anything: Schema<object> = object({});

export function BreakItMenu({ runId, onCutConnection }: BreakItProps): ReactNode {
  const showToast = useToast();
  const post = (path: string, body: object, done: string): void => {
    request(path, anything, postJson(body)).then(
      () => showToast({ text: done }),
      (error: unknown) => {
        const { code, message } = ThroughlineError.from(error);
        // A server that dies of the request cannot answer it.
        showToast({ text: code === 'SERVER_UNREACHABLE' && path.endsWith('crash-server') ? done : message });
      },
    );
  };
  return (
    <Menu
      label="Break it"
      className="wide"
      buttonClassName="break-it"
      button={
        <>
          <Hammer /> <span>Break it</span>
        </>
      }
      items={[
        {
          label: entry(
            'Kill the function',
            'Watch the text: it stops for a moment and goes on with the next word. The strip counts a second attempt and its cost.',
          ),
          run: () =>
            post(
              '/v1/dev/kill-function',
              runId === undefined ? {} : { runId },
              'The function’s process is killed. The strip under the reply shows who took over.',
            ),
        },
        {
          label: entry(
            'Cut this tab’s connection',
            'Watch the notice at the top: the tab reconnects by itself and shows what was written meanwhile.',
          ),
          run: onCutConnection,
        },
        {
          label: entry(
            'Crash the server',
            'Watch the whole page: kill -9, then a new server on the same data. Nothing that was shown is lost, and the reply goes on or says why not.',
          ),
          run: () => post('/v1/dev/crash-server', {}, 'The server is killed. Its launcher starts it again.'),
        },
      ]}
    />
  );
}

function entry(title: string, watch: string): ReactNode {
  return (
    <>
      <b>{title}</b>
      <small>{watch}</small>
    </>
  );
}
