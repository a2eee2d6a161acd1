// The events that a supervisor writes: what became of a run (docs/PROTOCOL.md §3.2). Run, attempt and seq stand in the
// envelope (`tl-run`, `tl-attempt`, `tl-seq`); the payload has the rest.
import { idSchema } from './conversation-events.ts';
import { array, boolean, literal, number, object, optional, record, string, unknown } from './schema.ts';

const count = number({ min: 0, integer: true });

export const usageSchema = object({
  inputTokens: optional(count),
  outputTokens: optional(count),
  reasoningTokens: optional(count),
  cachedInputTokens: optional(count),
});

export const runSchemas = {
  'attempt-started': object({
    function: string({ lengthMax: 128 }),
    /** The environment that runs it: an id and the operating system's process id. */
    environment: object({ id: string({ lengthMax: 128 }), pid: count }),
    /** The supervisor that holds the lease. */
    owner: string({ lengthMax: 128 }),
    /** The lease ends this long after the owner's last record of the run. */
    leaseMs: count,
    /** Chunk records of earlier attempts that the owner saw standing. Log order decides; this says what it knew. */
    keep: count,
    isCold: optional(boolean()),
    provider: optional(string()),
    region: optional(string()),
  }),
  'lease-renewed': object({ owner: string({ lengthMax: 128 }) }),
  chunk: object({
    /** AI SDK UI message chunks, opaque but for their `type`. */
    chunks: array(record(unknown()), { lengthMin: 1 }),
  }),
  'tool-approval-requested': object({
    approvalId: idSchema,
    toolCallId: idSchema,
    toolName: string(),
    input: unknown(),
  }),
  'run-ended': object({
    outcome: literal('done', 'stopped', 'failed', 'superseded'),
    usage: optional(usageSchema),
    /** What the model answered with, and its price in US dollars where known. */
    model: optional(string({ lengthMax: 256 })),
    costUsd: optional(number({ min: 0 })),
    /** An error body (code, message, remedy) when the outcome is `failed`. */
    error: optional(object({ code: string(), message: string(), remedy: optional(string()) })),
    /** The sibling run that goes on when the outcome is `superseded`. */
    supersededBy: optional(idSchema),
    /** From the first attempt's start to the end, and what was billed over all attempts. */
    durationMs: optional(number({ min: 0 })),
    billedMs: optional(number({ min: 0 })),
  }),
} as const;

/** One AI SDK UI message chunk, passed on without being interpreted where that can be helped. */
export interface UiChunk {
  readonly type: string;
  readonly [field: string]: unknown;
}
