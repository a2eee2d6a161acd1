// What a setting may be, in the terms of Kafka's ConfigDef: a type, a default, bounds. Values are kept and exchanged as
// text, as in the protocol and in ConfigRecord; they are parsed where they are used. The messages are Kafka's own, because
// people search for them (common/config/ConfigDef.java, checked against Apache Kafka 4.3.1).
import { ThroughlineError } from '@throughline/event';
import { stringBytesMax } from '@throughline/wire';

export type ConfigType = 'BOOLEAN' | 'STRING' | 'INT' | 'SHORT' | 'LONG' | 'DOUBLE' | 'LIST';

export interface ConfigDefinition {
  readonly name: string;
  readonly type: ConfigType;
  /** As text; null is no value. */
  readonly default: string | null;
  /** Bounds of a number, both included. */
  readonly min?: number;
  readonly max?: number;
  /** The values of a STRING, or the items of a LIST. */
  readonly oneOf?: readonly string[];
  /** Says what else is wrong with a value that has the right type; undefined when nothing is. */
  readonly problem?: (value: string) => string | undefined;
  readonly doc: string;
  /** Why it can be set and changes nothing here; absent where it is honoured. */
  readonly withoutEffect?: string;
}

/** The largest value of Kafka's LONG, which its defaults use for "never". */
export const longMax = '9223372036854775807';

const integerRanges = {
  SHORT: [-(2n ** 15n), 2n ** 15n - 1n],
  INT: [-(2n ** 31n), 2n ** 31n - 1n],
  LONG: [-(2n ** 63n), 2n ** 63n - 1n],
} as const;

/**
 * A value as it is kept: trimmed, true and false in lower case, each item of a list once.
 *
 * @throws ThroughlineError INVALID_CONFIG
 * @example canonicalValue(topicConfigDefinitions.get('cleanup.policy')!, ' compact , delete ') // 'compact,delete'
 */
export function canonicalValue(definition: ConfigDefinition, text: string): string {
  const value = typedValue(definition, text);
  const wrong = wrongItem(definition, value);
  if (wrong !== undefined) throw invalid(definition, wrong, `String must be one of: ${definition.oneOf!.join(', ')}`);
  const problem = lengthProblem(value) ?? boundsProblem(definition, value) ?? definition.problem?.(value);
  if (problem !== undefined) throw invalid(definition, value, problem);
  return value;
}

/** The items of a LIST. */
export function listItems(value: string): readonly string[] {
  return value.trim() === '' ? [] : value.split(',').map((item) => item.trim());
}

/** A number as one can reckon with it: what is beyond 2^53 is never reached, and becomes null like -1, for "no bound". */
export function boundOf(value: string): number | null {
  const number = Number(value);
  return number < 0 || number > Number.MAX_SAFE_INTEGER ? null : number;
}

function typedValue(definition: ConfigDefinition, text: string): string {
  const value = text.trim();
  switch (definition.type) {
    case 'BOOLEAN': {
      const lower = value.toLowerCase();
      if (lower !== 'true' && lower !== 'false') {
        throw invalid(definition, value, 'Expected value to be either true or false');
      }
      return lower;
    }
    case 'SHORT':
    case 'INT':
    case 'LONG': {
      const [min, max] = integerRanges[definition.type];
      const isInteger = /^[+-]?\d{1,19}$/.test(value);
      if (!isInteger || BigInt(value.replace('+', '')) < min || BigInt(value.replace('+', '')) > max) {
        throw invalid(definition, value, `Not a number of type ${definition.type}`);
      }
      return BigInt(value.replace('+', '')).toString();
    }
    case 'DOUBLE':
      if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value)) {
        throw invalid(definition, value, 'Not a number of type DOUBLE');
      }
      return value;
    case 'LIST':
      return [...new Set(listItems(value))].join(',');
    default:
      return value;
  }
}

/** The value, or the item of a list, that is none of those it may be. */
function wrongItem({ type, oneOf }: ConfigDefinition, value: string): string | undefined {
  const items = type === 'LIST' ? listItems(value) : [value];
  return oneOf === undefined ? undefined : items.find((item) => !oneOf.includes(item));
}

/** A list that is appended to may grow beyond what a ConfigRecord can hold. */
function lengthProblem(value: string): string | undefined {
  return Buffer.byteLength(value) > stringBytesMax ? `Value must have at most ${stringBytesMax} bytes` : undefined;
}

function boundsProblem({ min, max }: ConfigDefinition, value: string): string | undefined {
  if (min !== undefined && Number(value) < min) return `Value must be at least ${min}`;
  if (max !== undefined && Number(value) > max) return `Value must be no more than ${max}`;
  return undefined;
}

function invalid({ name }: ConfigDefinition, value: string, problem: string): ThroughlineError {
  return new ThroughlineError('INVALID_CONFIG', `Invalid value ${value} for configuration ${name}: ${problem}`, {
    details: { name },
  });
}
