// Who may write a run, and until when. `attempt-started` gives its owner a lease; every record of the owner that counts
// renews it (reduce-run.ts keeps `leaseUntilMs`). A lease is a hint about who is alive, never the fence: two owners that
// both believe in theirs are told apart by the log's order.
import type { Run } from '@throughline/event';

/** Whether the owner should renew: it has written nothing for a third of its lease, so two renewals may go missing. */
export function isRenewalDue(lastAppendMs: number, leaseMs: number, nowMs: number): boolean {
  return nowMs - lastAppendMs >= leaseMs / 3;
}

/**
 * Whether `me` may start the next attempt of a run that somebody owns.
 *
 * @param isOwnerDead whether its owner is known to be dead, so that nobody has to wait for the lease
 */
export function mayTakeOver(run: Run, isOwnerDead: boolean, nowMs: number): boolean {
  if (run.phase !== 'running') return false;
  return isOwnerDead || nowMs >= run.leaseUntilMs;
}

/** How often leases are looked at: often enough that neither a renewal nor a takeover is late by much. */
export function leaseTickMs(leaseMs: number): number {
  return Math.max(20, Math.floor(leaseMs / 6));
}
