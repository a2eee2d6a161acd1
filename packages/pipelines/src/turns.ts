// The table of turns: one row for each finished run, with what was asked, which model answered, what it took, and how it
// ended. Which record ends a run is not decided here but by `reduceRun`, the one fencing rule of every reader.
//
// The chunks of a run are left out: nothing in a row needs them, and whether a `run-ended` counts does not depend on them
// (turns.test.ts proves it against the rule itself), so that a streamed answer costs this table no write.
import {
  conversationOf,
  isTime,
  reduceRun,
  runFrom,
  ThroughlineError,
  type EventType,
  type PlacedEvent,
  type Run,
} from '@throughline/event';
import { turnsDefaults } from './defaults.ts';
import { table, type RowOf, type TableDefinition } from './table.ts';
import { topic } from './topic.ts';

const columns = {
  run_id: 'VARCHAR',
  conversation_id: 'VARCHAR',
  question: 'VARCHAR',
  model: 'VARCHAR',
  input_tokens: 'BIGINT',
  output_tokens: 'BIGINT',
  cost_usd: 'DOUBLE',
  duration_ms: 'DOUBLE',
  outcome: 'VARCHAR',
  attempts: 'INTEGER',
  ended_at: 'TIMESTAMP',
  error_code: 'VARCHAR',
} as const;

/** What is carried of one conversation. Lists of pairs: ids come from outside, and `constructor` is one. */
interface TurnsState {
  /** Message id and text, oldest first. */
  questions: [string, string][];
  /** Runs that have not ended. */
  runs: [string, Run][];
  /** Ids of runs that have. */
  ended: string[];
}

const events = [
  'message-created',
  'run-requested',
  'attempt-started',
  'stop-requested',
  'run-ended',
] as const satisfies readonly EventType[];
type TurnsEvent = Extract<PlacedEvent, { type: (typeof events)[number] }>;

/**
 * Declares the table of turns over the topic of conversations.
 *
 * @example export default defineConfig({ functions, pipelines: [turns()] })
 */
export function turns(options: { readonly name?: string; readonly topic?: string } = {}): TableDefinition {
  return table(options.name ?? 'turns', {
    from: topic(options.topic ?? 'conversations', { events }),
    columns,
    key: ['conversation_id', 'run_id'],
    version: '1',
    state: (): TurnsState => ({ questions: [], runs: [], ended: [] }),
    rows: rowOfTurn,
  });
}

function rowOfTurn(event: TurnsEvent, state: TurnsState): RowOf<typeof columns> | undefined {
  const conversationId = conversationOf(event.stream);
  if (conversationId === undefined)
    throw new ThroughlineError('INVALID_EVENT', `${JSON.stringify(event.stream)} is no conversation`);
  if (event.type === 'message-created') {
    if (event.payload.role === 'user') remember(state, event.payload.messageId, textOf(event.payload.parts));
    return undefined;
  }
  const found = state.runs.find(([id]) => id === event.run);
  if (found === undefined) {
    if (event.type !== 'run-requested' || state.ended.includes(event.run)) return undefined;
    if (state.runs.length >= turnsDefaults.openRunsMax)
      throw new ThroughlineError('INVALID_EVENT', `${state.runs.length} runs of one conversation have not ended`);
    state.runs.push([event.run, runFrom(event)]);
    return undefined;
  }
  const run = found[1];
  if (reduceRun(run, event) !== 'counts' || run.ended === undefined) return undefined;
  state.runs.splice(state.runs.indexOf(found), 1);
  state.ended.push(run.id);
  if (state.ended.length > turnsDefaults.endedRunsMax) state.ended.shift();
  return rowOf(conversationId, run, state);
}

function rowOf(conversationId: string, run: Run, state: TurnsState): RowOf<typeof columns> {
  const ended = run.ended!;
  const startedMs = run.attempts[0]?.startedMs;
  return {
    run_id: run.id,
    conversation_id: conversationId,
    question: state.questions.find(([id]) => id === run.messageId)?.[1],
    model: ended.model ?? run.model,
    input_tokens: ended.usage?.inputTokens,
    output_tokens: ended.usage?.outputTokens,
    cost_usd: ended.costUsd,
    duration_ms: ended.durationMs ?? between(startedMs, ended.atMs),
    outcome: run.outcome,
    attempts: run.attempts.length,
    ended_at: isTime(ended.atMs) ? ended.atMs : undefined,
    error_code: ended.error?.code,
  };
}

/** Undefined where one of them is no time: a foreign writer may have put any number there. */
function between(startedMs: number | undefined, endedMs: number): number | undefined {
  return startedMs !== undefined && isTime(startedMs) && isTime(endedMs) ? endedMs - startedMs : undefined;
}

function remember(state: TurnsState, messageId: string, text: string): void {
  const index = state.questions.findIndex(([id]) => id === messageId);
  // The first message of an id counts, as in every reader.
  if (index >= 0) return;
  state.questions.push([messageId, text.slice(0, turnsDefaults.questionLengthMax)]);
  if (state.questions.length > turnsDefaults.questionsMax) state.questions.shift();
}

function textOf(parts: readonly Readonly<Record<string, unknown>>[]): string {
  const texts = parts.filter((part) => part['type'] === 'text' && typeof part['text'] === 'string');
  return texts.map((part) => part['text'] as string).join('\n');
}
