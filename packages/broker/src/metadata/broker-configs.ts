// What the broker is told, in Kafka's four layers: changed at run time for one node, changed at run time for all, given at
// the start, default. All nodes of a virtual cluster are one broker: where that has to choose, the first node's word counts.
import { ThroughlineError } from '@throughline/event';
import { brokerConfigTable, type BrokerConfigDefinition } from './broker-config-table.ts';
import { canonicalValue } from './config-definition.ts';

/** Settings by Kafka's names, as `openBroker({ config })` takes them. */
export type GivenConfigs = Readonly<Record<string, string | number | boolean>>;

/** Changes by name; null goes back to what holds without it. */
export type ConfigChanges = ReadonlyMap<string, string | null>;

/** The name of the resource that stands for all nodes. */
export const allNodes = '';
const firstNode = '1';

export class BrokerConfigs {
  readonly #given: ReadonlyMap<string, string>;
  readonly #defaults: ReadonlyMap<string, string>;
  /** By the name of the node, `allNodes` among them. */
  #dynamic: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map();

  /**
   * @param defaults what takes the place of the table's defaults
   * @throws ThroughlineError INVALID_CONFIG for an unknown name or a value that it cannot have
   */
  constructor(given: GivenConfigs = {}, defaults: ReadonlyMap<string, string> = new Map()) {
    this.#given = new Map(
      Object.entries(given).map(([name, value]) => [name, canonicalValue(definitionOf(name), String(value))]),
    );
    this.#defaults = defaults;
  }

  /** The value that holds; null for none. */
  value(name: string): string | null {
    return (
      this.dynamicOf(firstNode).get(name) ??
      this.dynamicOf(allNodes).get(name) ??
      this.givenOf(name) ??
      this.defaultOf(name)
    );
  }

  /** @example configs.integer('num.partitions') */
  integer(name: string): number {
    return Number(this.value(name));
  }

  /** @example configs.boolean('auto.create.topics.enable') */
  boolean(name: string): boolean {
    return this.value(name) === 'true';
  }

  givenOf(name: string): string | undefined {
    return this.#given.get(name);
  }

  defaultOf(name: string): string | null {
    return this.#defaults.get(name) ?? brokerConfigTable.get(name)?.default ?? null;
  }

  /** What was changed at run time for one node, or for `allNodes`. */
  dynamicOf(node: string): ReadonlyMap<string, string> {
    return this.#dynamic.get(node) ?? new Map();
  }

  /** Takes over what the metadata log says. */
  setDynamic(dynamic: ReadonlyMap<string, ReadonlyMap<string, string>>): void {
    this.#dynamic = dynamic;
  }
}

/**
 * Checks changes at run time as Kafka does, and gives them back as they are kept.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function checkedBrokerChanges(changes: ConfigChanges): ConfigChanges {
  const fixed = [...changes.keys()].filter((name) => brokerConfigTable.get(name)?.isDynamic === false);
  if (fixed.length > 0) throw refused(`Cannot update these configs dynamically: [${fixed.join(', ')}]`);
  try {
    return new Map(
      Array.from(changes, ([name, value]) => [name, value === null ? null : canonicalValue(definitionOf(name), value)]),
    );
  } catch (error) {
    // Kafka calls the same mistake an invalid config at a topic and an invalid request at a broker.
    throw ThroughlineError.is(error, 'INVALID_CONFIG') ? refused(error.message) : error;
  }
}

function definitionOf(name: string): BrokerConfigDefinition {
  const definition = brokerConfigTable.get(name);
  if (definition === undefined) throw new ThroughlineError('INVALID_CONFIG', `Unknown broker config name: ${name}`);
  return definition;
}

function refused(message: string): ThroughlineError {
  return new ThroughlineError('INVALID_ARGUMENT', message);
}
