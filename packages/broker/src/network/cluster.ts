// The virtual cluster: N nodes, each with a listener of its own, over one log. Which node leads a partition or coordinates
// a group is worked out, not stored, so that clients of several brokers can be tried without several brokers.
import type { TopicMetadata } from '../broker.ts';

export interface VirtualNode {
  /** From 1 on. */
  readonly nodeId: number;
  readonly host: string;
  /** Where clients reach it; known once it listens. */
  readonly port: number;
}

export class Cluster {
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

  /** The node that leads a partition: partitions of a topic go round, topics begin at different nodes. */
  leaderOf({ topicId }: Pick<TopicMetadata, 'topicId'>, partition: number): number {
    const first = Number.parseInt(topicId.slice(-6), 16);
    return this.#nodes[(first + partition) % this.#nodes.length]?.nodeId ?? -1;
  }
}
