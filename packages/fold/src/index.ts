// Public surface of the fold floor.
export { fold, type Fold, type FoldOptions, type FoldStatus } from './fold.ts';
export { Consumer, type ConsumerOptions } from './consumer/consumer.ts';
export type { Batch, HandOn } from './consumer/hand-on.ts';
export { allPartitions, onlyPartitions, type Assignment } from './consumer/assignment.ts';
export { SharedAssignment, type SharedAssignmentOptions } from './consumer/shared-assignment.ts';
export type { HistoryBreak } from './consumer/history-break.ts';
export type { CheckpointOptions } from './consumer/late-checkpoint.ts';
export type { ConsumerPhase, PhaseEvent, PhaseName } from './consumer/phases.ts';
export type { StartPosition } from './consumer/progress.ts';
export { claimState, type Claim, type ClaimOptions } from './claim.ts';
export { codeVersionOf, type FoldMismatch } from './identity.ts';
export type { Advance, Checkpoint, FoldStore, Rebuild } from './store.ts';
export { duckdbStore } from './stores/duckdb.ts';
export type { DuckDbState, DuckDbStoreOptions, DuckDbTable } from './stores/duckdb-tables.ts';
export { checkName, type ColumnType, type Columns, type ColumnValue, type Row } from './stores/duckdb-columns.ts';
export { DuckDbDatabase, type DuckDbLibrary, type DuckDbOptions } from './stores/duckdb-database.ts';
export { memoryStore, type MemoryStore } from './stores/memory.ts';
export { sqliteStore, type SqliteState, type SqliteStore, type SqliteStoreOptions } from './stores/sqlite.ts';
