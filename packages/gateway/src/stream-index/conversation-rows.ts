// The reducer of the stream index: what one record of topic `conversations` changes in its tables.
//
//   conversation(id, title, created_ms, updated_ms, is_archived, is_deleted, last_offset, open_runs)
//   record_range(conversation, first_offset, last_offset)    inclusive; may span a few foreign records (rangeGapRecords)
//   run(conversation, id, state)                             state: JSON of `Run` until it ends, then null
//   written(conversation, id, offset)                        events that clients retry by id, and where they landed
//
// All offsets of a conversation are of one partition, which follows from its key. A record that a foreign producer put on
// another partition has no place in the conversation's order; it is skipped like any other record that is no event.
import {
  conversationOf,
  eventFromRecord,
  reduceRun,
  runFrom,
  ThroughlineError,
  type LogRecord,
  type PlacedEvent,
  type Run,
} from '@throughline/event';
import type { SqliteState } from '@throughline/fold';
import { partitionFor } from '@throughline/log';

/** Counted up whenever this file changes what is stored: state of another version is folded again. */
export const codeVersion = '1';

export const createTables = `
  create table conversation(id text primary key, title text not null, created_ms integer not null, updated_ms integer not null,
    is_archived integer not null, is_deleted integer not null, last_offset integer not null, open_runs integer not null
  ) strict, without rowid;
  create index conversation_by_update on conversation(is_deleted, is_archived, updated_ms desc, id desc);
  create table record_range(conversation text not null, first_offset integer not null, last_offset integer not null,
    primary key (conversation, first_offset)) strict, without rowid;
  create table run(conversation text not null, id text not null, state text, primary key (conversation, id)) strict, without rowid;
  create table written(conversation text not null, id text not null, offset integer not null,
    primary key (conversation, id)) strict, without rowid;`;

/**
 * Applies a record.
 *
 * @returns the conversation whose line in the list it may have changed
 * @throws ThroughlineError INVALID_EVENT when it is no event of a conversation; nothing is changed then
 */
export function reduceRecord(
  state: SqliteState,
  record: LogRecord,
  { partitionCount, rangeGapRecords }: { readonly partitionCount: number; readonly rangeGapRecords: number },
): string | undefined {
  const event = eventFromRecord(record);
  const id = conversationOf(event.stream);
  if (id === undefined) throw new ThroughlineError('INVALID_EVENT', `${event.stream} is no conversation`);
  if (partitionFor(record.key, partitionCount) !== record.partition) {
    throw new ThroughlineError('INVALID_EVENT', `${event.stream} is on another partition than its key says`);
  }
  addToRange(state, id, record.offset, rangeGapRecords);
  // A chunk changes nothing that the list shows; at fifty a second it is not worth a row.
  if (event.type === 'chunk' || event.type === 'lease-renewed') return undefined;
  const { timestampMs, offset } = event.at;
  state
    .prepare(
      `insert into conversation (id, title, created_ms, updated_ms, is_archived, is_deleted, last_offset, open_runs)
        values (?, '', ?, ?, 0, 0, ?, 0)
        on conflict do update set last_offset = excluded.last_offset`,
    )
    .run(id, timestampMs, timestampMs, offset);
  if (changeRow(state, id, event)) {
    state.prepare('update conversation set updated_ms = max(updated_ms, ?) where id = ?').run(timestampMs, id);
  }
  return id;
}

function addToRange(state: SqliteState, id: string, offset: bigint, rangeGapRecords: number): void {
  const extended = state
    .prepare(
      `update record_range set last_offset = ?1 where conversation = ?2 and last_offset >= ?3
        and first_offset = (select max(first_offset) from record_range where conversation = ?2)`,
    )
    .run(offset, id, offset - BigInt(rangeGapRecords));
  if (Number(extended.changes) === 0) {
    state
      .prepare('insert into record_range (conversation, first_offset, last_offset) values (?, ?, ?)')
      .run(id, offset, offset);
  }
}

/** Applies what the list shows; tells whether the conversation moves to the top by it. */
function changeRow(state: SqliteState, id: string, event: PlacedEvent): boolean {
  switch (event.type) {
    case 'conversation-created':
    case 'conversation-renamed':
      state.prepare('update conversation set title = ? where id = ?').run(event.payload.title, id);
      return noteWritten(state, id, event);
    case 'conversation-archived':
      state.prepare('update conversation set is_archived = ? where id = ?').run(event.payload.archived ? 1 : 0, id);
      return noteWritten(state, id, event);
    case 'conversation-deleted':
      state.prepare('update conversation set is_deleted = 1 where id = ?').run(id);
      return noteWritten(state, id, event);
    case 'branch-selected':
    case 'feedback-given':
      noteWritten(state, id, event);
      return false;
    case 'message-created':
      return true;
    case 'run-requested':
    case 'attempt-started':
    case 'run-ended':
      return changeRun(state, id, event);
    default:
      return false;
  }
}

function noteWritten(state: SqliteState, id: string, event: PlacedEvent): boolean {
  state
    .prepare('insert into written (conversation, id, offset) values (?, ?, ?) on conflict do nothing')
    .run(id, event.id, event.at.offset);
  return true;
}

/**
 * Follows a run as far as needed to know whether it is over. Chunks are left out: whether an end counts depends on the
 * attempts alone, so `reduceRun` gives the same answer without them.
 */
function changeRun(
  state: SqliteState,
  id: string,
  event: Extract<PlacedEvent, { type: 'run-requested' | 'attempt-started' | 'run-ended' }>,
): boolean {
  const row = state.prepare('select state from run where conversation = ? and id = ?').get(id, event.run);
  if (event.type === 'run-requested') {
    if (row !== undefined) return false;
    state
      .prepare('insert into run (conversation, id, state) values (?, ?, ?)')
      .run(id, event.run, JSON.stringify(runFrom(event)));
    state.prepare('update conversation set open_runs = open_runs + 1 where id = ?').run(id);
    return true;
  }
  if (typeof row?.['state'] !== 'string') return false;
  const run = JSON.parse(row['state']) as Run;
  if (reduceRun(run, event) !== 'counts') return false;
  const hasEnded = run.phase === 'ended';
  const update = state.prepare('update run set state = ? where conversation = ? and id = ?');
  update.run(hasEnded ? null : JSON.stringify(run), id, event.run);
  if (hasEnded) state.prepare('update conversation set open_runs = open_runs - 1 where id = ?').run(id);
  return hasEnded;
}
