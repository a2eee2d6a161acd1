// What the broker is told, in Kafka's four layers: changed at run time for one node, changed at run time for all, given at
// the start, default. All nodes of a virtual cluster are one broker: where that has to choose, the first node's word counts.
import { ThroughlineError } from '@throughline/event';
import { brokerConfigTable, type BrokerConfigDefinition } from './broker-config-table.ts';
import { canonicalValue } from './config-definition.ts';
import { isNodeFact } from './node-facts.ts';

/** Settings by Kafka's names, as `openBroker({ config })` takes them. */
export type GivenConfigs = Readonly<Record<string, string | number | boolean>>;

/** Changes by name; null goes back to what holds without it. */
export type ConfigChanges = ReadonlyMap<string, string | null>;

/** The name of the resource that stands for all nodes. */
export const allNodes = '';
const firstNode = '1';

export class BrokerConfigs {
  #given: ReadonlyMap<string, string>;
  readonly #defaults: ReadonlyMap<string, string>;
  /** By the name of the node, `allNodes` among them. */
  #dynamic: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map();
  /** What was asked for and has not changed since: some are asked for with every batch. */
  readonly #integers = new Map<string, number>();

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
    let integer = this.#integers.get(name);
    if (integer === undefined) this.#integers.set(name, (integer = Number(this.value(name))));
    return integer;
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

  /** The same after changes at run time: what topics would follow then. */
  changed(node: string, changes: ConfigChanges): BrokerConfigs {
    const changed = new BrokerConfigs({}, this.#defaults);
    changed.#given = this.#given;
    const ofNode = new Map(this.dynamicOf(node));
    for (const [name, value] of changes) {
      if (value === null) ofNode.delete(name);
      else ofNode.set(name, value);
    }
    changed.#dynamic = new Map(this.#dynamic).set(node, ofNode);
    return changed;
  }

  /** Takes over what the metadata log says. */
  setDynamic(dynamic: ReadonlyMap<string, ReadonlyMap<string, string>>): void {
    this.#dynamic = dynamic;
    this.#integers.clear();
  }
}

/**
 * Checks changes at run time as Kafka does, and gives them back as they are kept. A setting that is not known is kept as it
 * was given, as there: its meaning may be that of a plugin, or of another version.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function checkedBrokerChanges(changes: ConfigChanges): ConfigChanges {
  const fixed = [...changes.keys()].filter(
    (name) => brokerConfigTable.get(name)?.isDynamic === false || isNodeFact(name),
  );
  if (fixed.length > 0) throw rejected(`Cannot update these configs dynamically: [${fixed.join(', ')}]`);
  try {
    return new Map(
      Array.from(changes, ([name, value]) => {
        const definition = brokerConfigTable.get(name);
        return [name, value === null || definition === undefined ? value : canonicalValue(definition, value)];
      }),
    );
  } catch (error) {
    // Kafka calls the same mistake an invalid config at a topic and an invalid request at a broker.
    throw ThroughlineError.is(error, 'INVALID_CONFIG') ? rejected(error.message) : error;
  }
}

/** Names that are kept without being known, of all that there are. */
export function unknownCountOf(names: Iterable<string>): number {
  return Array.from(names).filter((name) => !brokerConfigTable.has(name)).length;
}

function definitionOf(name: string): BrokerConfigDefinition {
  if (isNodeFact(name)) {
    throw new ThroughlineError(
      'INVALID_CONFIG',
      `${name} is not a setting here: it follows from how the broker is opened`,
    );
  }
  const definition = brokerConfigTable.get(name);
  if (definition === undefined) throw new ThroughlineError('INVALID_CONFIG', `Unknown broker config name: ${name}`);
  return definition;
}

function rejected(message: string): ThroughlineError {
  return new ThroughlineError('INVALID_ARGUMENT', message);
}
