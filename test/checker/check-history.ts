// A checker for histories of a log, in the style of jepsen.tests.kafka (Kingsbury; the analyses of Redpanda 21.10.1 and of
// Bufstream 0.1.0 show what it finds). Reading `history.ts` first helps.
//
// From acknowledgements and polls it builds a version order per partition, and holds every process against it. Everything is
// done in a few passes with one map look-up per record, so that a million operations take seconds.
//
// Transactions: the model has them (`txn`, all-or-nothing sends), and an aborted read is found. What is missing until the broker
// has them: torn transactions, precommitted reads, and the cycles that Elle looks for.
import { AnomalyList } from './anomalies.ts';
import { gatherEvidence } from './evidence.ts';
import { findGroupAnomalies } from './group-anomalies.ts';
import type { History } from './history.ts';
import { findEpochAnomalies, findPollAnomalies, findSendAnomalies } from './order-anomalies.ts';
import { findRecordAnomalies, findVanishedReads } from './record-anomalies.ts';

/**
 * Looks for everything that a log must not do.
 *
 * @returns what was found; `unseen` is an anomaly only where the history ends with polls of everything
 * @example assert.equal(checkHistory(history).toString(), '')
 */
export function checkHistory(history: History): AnomalyList {
  const found = new AnomalyList();
  const evidence = gatherEvidence(history);
  findRecordAnomalies(evidence, found);
  findVanishedReads(evidence, found);
  findPollAnomalies(evidence, found);
  findSendAnomalies(evidence, found);
  findEpochAnomalies(evidence, found);
  findGroupAnomalies(evidence, found);
  return found;
}
