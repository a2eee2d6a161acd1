// The chunks of tool calls. A call is one part that goes through states: its input streams in, is available, is perhaps
// approved, and ends with an output or an error. A part belongs to a step; only an output or an approval may reach back
// to a call of an earlier step.
import {
  close,
  ignored,
  open,
  pick,
  replace,
  toUiPart,
  type Fields,
  type MessageParts,
  type PartsChange,
  type UiPart,
} from './message-parts.ts';
import type { UiChunk } from './run-events.ts';

/** Applies a `tool-…` chunk to `message`. */
export function reduceToolParts(message: MessageParts, chunk: UiChunk): PartsChange {
  switch (chunk.type) {
    case 'tool-input-delta':
      return appendInput(message, chunk);
    case 'tool-input-start':
      return startInput(message, chunk);
    case 'tool-input-available':
      return endInput(message, chunk, chunk['dynamic'] === true, {
        state: 'input-available',
        ...pick(chunk, 'input'),
        ...renamed(chunk, 'providerMetadata', 'callProviderMetadata'),
      });
    case 'tool-input-error': {
      const known = findInStep(message, chunk['toolCallId']);
      const isDynamic = known < 0 ? chunk['dynamic'] === true : message.parts[known]?.type === 'dynamic-tool';
      return endInput(message, chunk, isDynamic, {
        state: 'output-error',
        ...pick(chunk, 'input', 'errorText'),
        ...renamed(chunk, 'providerMetadata', 'resultProviderMetadata'),
      });
    }
    case 'tool-output-available':
      return setResult(message, chunk, () => ({ state: 'output-available', ...pick(chunk, 'output', 'preliminary') }));
    case 'tool-output-error':
      return setResult(message, chunk, (part) => ({
        state: 'output-error',
        ...pick(chunk, 'errorText'),
        // As the AI SDK has it: what the model wrote is kept with a static tool's error, though not with a dynamic one's.
        ...(part.type === 'dynamic-tool' ? {} : { rawInput: part['rawInput'] }),
      }));
    case 'tool-output-denied':
      return change(message, find(message, chunk['toolCallId']), () => ({ state: 'output-denied' }));
    case 'tool-approval-request':
      return change(message, find(message, chunk['toolCallId']), () => ({
        state: 'approval-requested',
        approval: {
          id: chunk['approvalId'],
          ...renamed(chunk, 'approvalDescriptor', 'descriptor'),
          ...pick(chunk, 'inputSchemaInput', 'signature'),
          ...renamed(chunk, 'reason', 'requestReason'),
          ...(chunk['isAutomatic'] === true ? { isAutomatic: true } : {}),
        },
      }));
    case 'tool-approval-response':
      return change(message, findApproval(message, chunk['approvalId']), (part) => ({
        state: 'approval-responded',
        approval: { ...(part['approval'] as Fields), ...pick(chunk, 'approved', 'reason') },
        ...pick(chunk, 'providerExecuted'),
        ...renamed(chunk, 'providerMetadata', 'callProviderMetadata'),
      }));
    default:
      return ignored(message);
  }
}

function isTool(part: UiPart): boolean {
  return part.type === 'dynamic-tool' || part.type.startsWith('tool-');
}

/** Index of a tool call in the current step, or -1. */
function findInStep(message: MessageParts, toolCallId: unknown, isDynamic?: boolean): number {
  for (let index = message.stepStart; index < message.parts.length; index++) {
    const part = message.parts[index];
    if (part === undefined || part['toolCallId'] !== toolCallId || !isTool(part)) continue;
    if (isDynamic === undefined || isDynamic === (part.type === 'dynamic-tool')) return index;
  }
  return -1;
}

/** Index of a tool call in the current step or, failing that, of the last one of that id before it; or -1. */
function find(message: MessageParts, toolCallId: unknown): number {
  const index = findInStep(message, toolCallId);
  if (index >= 0) return index;
  return message.parts.findLastIndex((part) => part['toolCallId'] === toolCallId && isTool(part));
}

function findApproval(message: MessageParts, approvalId: unknown): number {
  return message.parts.findIndex(
    (part) => isTool(part) && (part['approval'] as { id?: unknown } | undefined)?.id === approvalId,
  );
}

function renamed(chunk: UiChunk, name: string, partName: string): Fields {
  return chunk[name] === undefined ? {} : { [partName]: chunk[name] };
}

/** What one state of a call has and the next does not take over. */
const progress: Fields = {
  input: undefined,
  rawInput: undefined,
  inputEncoding: undefined,
  output: undefined,
  errorText: undefined,
  preliminary: undefined,
};

/** Makes the part of a call, or moves the call's part of this step to another state; undefined when it names no call. */
function put(message: MessageParts, chunk: UiChunk, isDynamic: boolean, fields: Fields): number | undefined {
  const { toolCallId, toolName } = chunk;
  if (typeof toolCallId !== 'string' || typeof toolName !== 'string') return undefined;
  const own = {
    ...(isDynamic ? { type: 'dynamic-tool', toolName } : { type: `tool-${toolName}` }),
    ...fields,
    ...pick(chunk, 'title', 'toolMetadata', 'providerExecuted'),
  };
  const index = findInStep(message, toolCallId, isDynamic);
  if (index >= 0) return replace(message, index, { ...progress, ...own });
  return message.parts.push({ toolCallId, ...own }) - 1;
}

function startInput(message: MessageParts, chunk: UiChunk): PartsChange {
  const countBefore = message.parts.length;
  const index = put(message, chunk, chunk['dynamic'] === true, {
    state: 'input-streaming',
    ...pick(chunk, 'inputEncoding'),
    ...renamed(chunk, 'providerMetadata', 'callProviderMetadata'),
  });
  if (index === undefined) return ignored(message);
  open(message, 'openToolInputs', chunk['toolCallId'] as string, index);
  return index === countBefore ? 'structure' : index;
}

function appendInput(message: MessageParts, chunk: UiChunk): PartsChange {
  const index = message.openToolInputs.get(chunk['toolCallId'] as string);
  const delta = chunk['inputTextDelta'];
  const part = index === undefined ? undefined : message.parts[index];
  if (index === undefined || part === undefined || typeof delta !== 'string') return ignored(message);
  message.parts[index] = { ...part, rawInput: ((part['rawInput'] as string | undefined) ?? '') + delta };
  return index;
}

function endInput(message: MessageParts, chunk: UiChunk, isDynamic: boolean, fields: Fields): PartsChange {
  const countBefore = message.parts.length;
  const index = put(message, chunk, isDynamic, fields);
  if (index === undefined) return ignored(message);
  close(message, 'openToolInputs', chunk['toolCallId'] as string);
  return index === countBefore ? 'structure' : index;
}

function setResult(message: MessageParts, chunk: UiChunk, fieldsFor: (part: UiPart) => Fields): PartsChange {
  return change(message, find(message, chunk['toolCallId']), (part) => ({
    ...progress,
    ...('input' in part ? { input: part['input'] } : {}),
    ...fieldsFor(part),
    ...pick(chunk, 'toolMetadata', 'providerExecuted'),
    ...renamed(chunk, 'providerMetadata', 'resultProviderMetadata'),
  }));
}

/** Moves the call at `index` on; what has come of an input that was still streaming becomes its input. */
function change(message: MessageParts, index: number, fieldsFor: (part: UiPart) => Fields): PartsChange {
  const streamed = message.parts[index];
  if (streamed === undefined) return ignored(message);
  const part = toUiPart(streamed);
  message.parts[index] = part;
  close(message, 'openToolInputs', part['toolCallId'] as string);
  return replace(message, index, fieldsFor(part));
}
