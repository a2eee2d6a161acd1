// Settings of a node that are what they are: where it listens, which node it is, where its data is. Clients and tools ask
// for them by Kafka's names; whoever opens the broker says them with options of their own, so that naming one as a setting
// is rejected, at the start and at run time.
import type { ConfigType } from './config-definition.ts';

/** A node as its settings describe it. */
export interface DescribedNode {
  readonly nodeId: number;
  /** `host:port`. */
  readonly listensAt: string;
  /** What clients are told: `host:port`. */
  readonly advertisedAt: string;
  readonly dataDir: string;
}

interface NodeFact {
  readonly name: string;
  readonly type: ConfigType;
  /** Kafka's, where it has one. */
  readonly default: string | null;
  readonly doc: string;
  readonly valueOf: (node: DescribedNode) => string;
}

const listener = 'PLAINTEXT';

export const nodeFacts: readonly NodeFact[] = [
  {
    name: 'advertised.listeners',
    type: 'LIST',
    default: null,
    doc: 'Where clients are told to connect to.',
    valueOf: ({ advertisedAt }) => `${listener}://${advertisedAt}`,
  },
  {
    name: 'broker.id',
    type: 'INT',
    default: '-1',
    doc: 'The id of this node, under its older name.',
    valueOf: ({ nodeId }) => String(nodeId),
  },
  {
    name: 'inter.broker.listener.name',
    type: 'STRING',
    default: null,
    doc: 'The listener that nodes would use among themselves.',
    valueOf: () => listener,
  },
  {
    name: 'listener.security.protocol.map',
    type: 'STRING',
    default: 'SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT',
    doc: 'Which protocol each listener speaks.',
    valueOf: () => `${listener}:${listener}`,
  },
  {
    name: 'listeners',
    type: 'LIST',
    default: `${listener}://:9092`,
    doc: 'Where this node listens.',
    valueOf: ({ listensAt }) => `${listener}://${listensAt}`,
  },
  {
    name: 'log.dirs',
    type: 'LIST',
    default: null,
    doc: 'The folder that holds everything.',
    valueOf: ({ dataDir }) => dataDir,
  },
  {
    name: 'node.id',
    type: 'INT',
    default: null,
    doc: 'The id of this node.',
    valueOf: ({ nodeId }) => String(nodeId),
  },
  {
    name: 'process.roles',
    type: 'LIST',
    default: null,
    doc: 'What this process is: a broker, and the controller.',
    valueOf: () => 'broker,controller',
  },
];

const names = new Set(nodeFacts.map(({ name }) => name));

/** Whether a setting is one of these. */
export function isNodeFact(name: string): boolean {
  return names.has(name);
}
