// GET /v1/status, looked at now and then: a server that comes back may be another version, or in another mode.
import { useEffect, useState } from 'react';
import { getStatus, type Status } from './api.ts';
import { statusPollMs } from './defaults.ts';

/** What the server last said of itself; undefined before it has. */
export function useStatus(): Status | undefined {
  const [status, setStatus] = useState<Status>();
  useEffect(() => {
    const controller = new AbortController();
    const look = (): void => {
      getStatus(controller.signal).then(setStatus, () => {
        // A server that does not answer is for the connection's banner to say; the last word stands until the next look.
      });
    };
    look();
    const timer = setInterval(look, statusPollMs);
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, []);
  return status;
}
