// How this tab is connected to the log, in words, while that is worth saying: cut and trying again, no network, back.
import { useEffect, useState, type ReactNode } from 'react';
import type { ConnectionView } from '@throughline/state';
import { backNoticeMs, countdownTickMs, patientTries } from '../defaults.ts';

export function ConnectionBanner(props: {
  readonly connection: ConnectionView;
  readonly onTryNow: () => void;
}): ReactNode {
  const { connection, onTryNow } = props;
  const isBack = useIsBack(connection.state);
  if (isBack) {
    return (
      <div className="banner" data-kind="good" role="status">
        Connected again. Nothing was missed: the page went on from its last offset.
      </div>
    );
  }
  if (connection.state === 'reconnecting') {
    const isLong = connection.tries >= patientTries;
    return (
      <div className="banner" data-kind={isLong ? 'bad' : 'warn'} role="status">
        <span>
          {isLong ? 'The server does not answer. What it acknowledged is on its disk.' : 'Connection lost.'}{' '}
          {/* The countdown is for the eyes: it would be announced every second. */}
          <span aria-hidden="true">
            <Countdown key={connection.nextTryMs} atMs={connection.nextTryMs ?? 0} />
          </span>
          <span className="visually-hidden">Trying again by itself.</span>
        </span>
        <button type="button" onClick={onTryNow}>
          Try now
        </button>
      </div>
    );
  }
  if (connection.state === 'offline') {
    return (
      <div className="banner" data-kind="warn" role="status">
        This machine has no network. The page goes on by itself when it is back.
      </div>
    );
  }
  return null;
}

type State = ConnectionView['state'];
const isLost = (state: State): boolean => state === 'reconnecting' || state === 'offline';

/** True for a moment after a connection that had been lost is live again. */
function useIsBack(state: State): boolean {
  const [seen, setSeen] = useState({ state, wasLost: isLost(state), isBack: false });
  if (seen.state !== state) {
    const wasLost = isLost(state) || (seen.wasLost && state !== 'live');
    setSeen({ state, wasLost, isBack: state === 'live' && seen.wasLost });
  }
  const { isBack } = seen;
  useEffect(() => {
    if (!isBack) return undefined;
    const timer = setTimeout(() => setSeen((now) => ({ ...now, isBack: false })), backNoticeMs);
    return () => clearTimeout(timer);
  }, [isBack]);
  return isBack;
}

/** Counts down to `atMs`. */
function Countdown({ atMs }: { readonly atMs: number }): ReactNode {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), countdownTickMs);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.ceil((atMs - nowMs) / 1_000);
  return seconds <= 0 ? 'Trying again…' : `Trying again in ${seconds} s.`;
}
