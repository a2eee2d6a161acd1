// Which runs are started by this supervisor, function by function and partition by partition, and which partitions it has
// to read for that: those of all its functions, and those where something that it has begun goes on (function-share.ts).
//
// Alone on its log it has everything, runs of functions that it does not know among it; on a log that others work on, too,
// each function has a consumer group (function-group.ts). Either way runs of a partition are started once it has been read
// to the end that it had when it was assigned: what others have begun before is known by then. Who starts a run is all that
// this decides. Two that believe in the same partition are told apart by the order of the log.
import { delayOrAbort, ThroughlineError, type Clock, type Logger, type Run } from '@throughline/event';
import { allPartitions, type Assignment } from '@throughline/fold';
import type { Log } from '@throughline/log';
import { retryDelayMs } from '../defaults.ts';
import { FunctionGroup, type MemberOptions } from './function-group.ts';
import { FunctionShare, type Part } from './function-share.ts';

/** What is being done about runs (run-keeper.ts). */
export interface WorkOnRuns {
  isUnsettled(functionName: string | undefined, partition: number): boolean;
  isAtWork(functionName: string | undefined, partition: number): boolean;
}

export interface RunSharesOptions {
  readonly log: Log;
  readonly topic: string;
  readonly owner: string;
  readonly functionNames: readonly string[];
  /** The log is exclusively ours: there is nobody to share with. */
  readonly isExclusive: boolean;
  readonly member: MemberOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly work: WorkOnRuns;
  /** Runs are to be started that were not, or the other way round. */
  readonly onChange: () => void;
  /** Resolves once the consumer has handed on what is before `targets`. */
  readonly reached: (targets: readonly (bigint | undefined)[]) => Promise<void>;
}

interface Shared {
  /** Undefined: every function. */
  readonly functionName: string | undefined;
  readonly share: FunctionShare;
}

export class RunShares implements Assignment {
  readonly #options: RunSharesOptions;
  readonly #shares = new Map<string | undefined, FunctionShare>();
  readonly #groups = new Map<string, FunctionGroup>();
  readonly #listeners = new Set<() => void>();
  readonly #stop = new AbortController();
  #partitionCount = 0;

  constructor(options: RunSharesOptions) {
    this.#options = options;
    const { functionNames, isExclusive, log, topic, clock, logger, member } = options;
    if (isExclusive) this.#add(undefined, allPartitions);
    for (const functionName of isExclusive ? [] : functionNames) {
      const joined = new FunctionGroup({ log, topic, functionName, member, clock, logger });
      this.#groups.set(functionName, joined);
      this.#add(functionName, joined);
      joined.onChange(() => this.#take(functionName));
    }
  }

  #add(functionName: string | undefined, assignment: Assignment): void {
    const { work } = this.#options;
    const share = new FunctionShare(assignment, {
      isUnsettled: (partition) => work.isUnsettled(functionName, partition),
      isAtWork: (partition) => work.isAtWork(functionName, partition),
    });
    this.#shares.set(functionName, share);
  }

  /** Whether `run` is to be started here, when its time has come. */
  mayStart(run: Run): boolean {
    return this.#shareOf(run.function)?.mayStart(run.partition) ?? false;
  }

  /** The partitions in which runs of a function are started here; undefined where there is nobody to share with. */
  startedHere(functionName: string): readonly number[] | undefined {
    return this.#options.isExclusive ? undefined : this.#shares.get(functionName)?.ours;
  }

  /** Whether runs of a function may be started here soon: its group has not answered yet, or what it gave is being read. */
  isJoining(functionName: string): boolean {
    const isAsking = this.#groups.get(functionName)?.isJoining === true;
    return isAsking || this.#shares.get(functionName)?.isBehind === true;
  }

  /** Why a group assigns nothing. */
  get problem(): ThroughlineError | undefined {
    for (const { problem } of this.#groups.values()) if (problem !== undefined) return problem;
    return undefined;
  }

  /** The partitions that have to be read. */
  get read(): readonly number[] {
    const all = [...this.#shares.values()].flatMap(({ read }) => read);
    return [...new Set(all)].filter((partition) => partition < this.#partitionCount).toSorted((a, b) => a - b);
  }

  /** Something was heard of `run`, or given up: what others are waiting for may have come about. */
  noted(run: Run): void {
    const share = this.#shareOf(run.function);
    if (share?.isGoing(run.partition) === true) this.#release(share);
  }

  /** Another history begins: nothing of it has been read. */
  startOver(): void {
    for (const share of this.#shares.values()) share.startOver();
  }

  /** Leaves the groups: others have the partitions at once. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#groups.values()].map((group) => group.close()));
  }

  // What the consumer asks.

  partitions(partitionCount: number): readonly number[] {
    this.#partitionCount = partitionCount;
    for (const functionName of this.#shares.keys()) this.#take(functionName, false);
    return this.read;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** It reads `partitions` from now on, and no others. */
  settled(partitions: readonly number[]): void {
    for (const [functionName, share] of this.#shares) {
      const parts = share.unread.filter(({ partition }) => partitions.includes(partition));
      for (const part of parts) part.isCatchingUp = true;
      if (parts.length > 0) void this.#catchUp({ functionName, share }, parts);
    }
  }

  // What follows.

  #shareOf(functionName: string): FunctionShare | undefined {
    return this.#shares.get(this.#options.isExclusive ? undefined : functionName);
  }

  #take(functionName: string | undefined, isToTell = true): void {
    const share = this.#shares.get(functionName);
    if (share === undefined || this.#stop.signal.aborted) return;
    const { owner, logger, onChange } = this.#options;
    const { gained, given } = share.take(this.#partitionCount);
    if (given.length > 0) {
      logger.info({ owner, function: functionName, partitions: given }, 'others start the runs of partitions');
      // What waits gives up its place first; then nothing more is begun.
      onChange();
    }
    this.#release(share, isToTell);
    if (gained.length > 0 && isToTell) this.#tell();
  }

  #release(share: FunctionShare, isToTell = true): void {
    const before = this.read.length;
    if (share.release() && isToTell && this.read.length < before) this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Waits until `parts` have been read to the ends that they have now; then their runs are started. */
  async #catchUp({ functionName, share }: Shared, parts: readonly Part[]): Promise<void> {
    const { log, topic, owner, logger, clock, onChange, reached } = this.#options;
    const partitions: number[] = [];
    try {
      const description = await log.admin.describeTopic(topic);
      await Promise.all(
        parts.map(async (part) => {
          const { partition } = part;
          const targets: bigint[] = [];
          targets[partition] = description.partitions[partition]?.highWatermark ?? 0n;
          await reached(targets);
          if (this.#stop.signal.aborted || !share.caughtUp(part)) return;
          partitions.push(partition);
          onChange();
        }),
      );
      if (partitions.length > 0)
        logger.info({ owner, function: functionName, partitions }, 'runs of partitions are started here');
    } catch (thrown) {
      // Another history has begun, of which `settled` tells, or there is none any more; and whatever else the log has.
      const { code, message } = ThroughlineError.from(thrown);
      if (this.#stop.signal.aborted || code === 'CLOSED' || code === 'FOLD_LOG_CHANGED') return;
      logger.warn({ owner, function: functionName, code, reason: message }, 'the end of partitions is not known yet');
      await delayOrAbort(clock, retryDelayMs, this.#stop.signal);
      for (const part of parts) part.isCatchingUp = false;
      this.#tell();
    }
  }
}
