// The virtual cluster: N nodes, each with a listener of its own, over one log. Which node leads a partition or coordinates
// a group is worked out, not stored, so that clients of several brokers can be tried without several brokers.
import { assert } from '@throughline/event';
import type { TopicMetadata } from './broker.ts';
import type { DescribedNode } from '../metadata/node-facts.ts';

export interface VirtualNode {
  /** From 1 on. */
  readonly nodeId: number;
  readonly host: string;
  /** Where clients reach it; known once it listens. */
  readonly port: number;
  /** Where it listens, `host:port`; absent where that is what clients are told. */
  readonly listensAt?: string;
}

export class VirtualCluster {
  readonly clusterId: string;
  #nodes: readonly VirtualNode[] = [];

  constructor(clusterId: string) {
    this.clusterId = clusterId;
  }

  /** In order of their ids. */
  get nodes(): readonly VirtualNode[] {
    return this.#nodes;
  }

  get controllerId(): number {
    return this.#nodes[0]?.nodeId ?? -1;
  }

  /** Told by whoever listens. */
  setNodes(nodes: readonly VirtualNode[]): void {
    this.#nodes = nodes;
  }

  node(nodeId: number): VirtualNode | undefined {
    return this.#nodes.find((node) => node.nodeId === nodeId);
  }

  /** A node as its settings describe it. @throws when there is no such node */
  described(nodeId: number, dataDir: string): DescribedNode {
    const node = this.node(nodeId);
    assert(node !== undefined, 'whoever asks a node has reached it');
    const advertisedAt = addressText(node.host, node.port);
    return { nodeId, advertisedAt, listensAt: node.listensAt ?? advertisedAt, dataDir };
  }

  /** The node that leads a partition: partitions of a topic go round, topics begin at different nodes. */
  leaderOf({ topicId }: Pick<TopicMetadata, 'topicId'>, partition: number): number {
    const first = Number.parseInt(topicId.slice(-6), 16);
    return this.#nodes[(first + partition) % this.#nodes.length]?.nodeId ?? -1;
  }
}

/** `host:port`, with the brackets that an IPv6 address needs. */
export function addressText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
