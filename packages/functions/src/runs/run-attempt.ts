// One attempt at a run: from the record that claims it to the one that ends it. It ties together an invocation of the
// function, what stands of the reply on the log, and the appender that adds to it. What follows from what stands in
// attempt-table.ts; here it is done.
import {
  ThroughlineError,
  type Logger,
  type PayloadOf,
  type RawEvent,
  type Run,
  type UiChunk,
} from '@throughline/event';
import { limits } from '../defaults.ts';
import type { InvocationSink, Settlement, StartedInvocation } from '../invoker/invocation-contract.ts';
import {
  transition,
  type AttemptEvent,
  type AttemptNews,
  type AttemptState,
  type AttemptStep,
} from './attempt-table.ts';
import { ChunkAppender, type ChunkAppenderOptions, type ChunkWriter } from './chunk-appender.ts';
import { Pressure } from './pressure.ts';
import { ReplyOutput } from './reply-output.ts';
import { endingFor, type Outcome } from './run-ending.ts';

type RunEnded = PayloadOf<'run-ended'>;

/** What an attempt needs of its supervisor. */
export interface AttemptHost {
  readonly owner: string;
  readonly attemptsMax: number;
  readonly leaseMs: number;
  readonly logger: Logger;
  readonly appending: Omit<ChunkAppenderOptions, 'onPressure' | 'onFailed'>;
  nowMs(): number;
  newId(): string;
  append(events: readonly RawEvent[]): Promise<unknown>;
  /** The chunks of `run` that count, from its request up to `endOffset`. */
  standingChunks(run: Run, endOffset: bigint): Promise<readonly UiChunk[]>;
  /** What earlier attempts of `run` were billed. */
  billedBefore(run: Run): number;
  /** The attempt goes on as attempt 1 of another run, which is being requested. */
  onMoved(attempt: RunAttempt, siblingId: string): void;
  /** What has become of the attempt. */
  onNews(attempt: RunAttempt, how: AttemptNews): void;
}

/** The run that an attempt claims, and as what. */
interface Claim {
  /** Id of the `attempt-started`. */
  readonly id: string;
  /** The run, as folded; after a divergence the former one, until the new one has been read back. */
  readonly run: Run;
  readonly runId: string;
  readonly replyId: string;
  readonly number: number;
  /** Tries of the runs that this one took over from. */
  readonly triesBefore: number;
}

export class RunAttempt implements Pick<InvocationSink, 'write' | 'ended'> {
  readonly #host: AttemptHost;
  readonly #invocation: StartedInvocation;
  /** Ends the invocation. */
  readonly #stop: AbortController;
  readonly #appender: ChunkAppender;
  readonly #output = new ReplyOutput();
  readonly #pressure = new Pressure();
  #claim: Claim;
  #state: AttemptState = { phase: 'claiming', held: [] };
  /** When something of the run was last handed to the log: the lease counts from there. */
  #lastAppendMs: number;

  /**
   * Claims the run for an invocation that is being started.
   *
   * @param triesBefore tries of the runs that `run` took over from
   */
  constructor(host: AttemptHost, run: Run, triesBefore: number, invocation: StartedInvocation, stop: AbortController) {
    this.#host = host;
    this.#invocation = invocation;
    this.#stop = stop;
    this.#claim = {
      id: host.newId(),
      run,
      runId: run.id,
      replyId: run.replyId,
      number: run.attempt + 1,
      triesBefore,
    };
    this.#lastAppendMs = host.nowMs();
    this.#appender = new ChunkAppender({
      ...host.appending,
      onPressure: (isHigh) => this.#pressure.set('log', isHigh),
      onFailed: (error) => this.#on({ type: 'append-failed', error }),
    });
    this.#appendOrFail([this.#claiming(run)]);
  }

  get run(): Run {
    return this.#claim.run;
  }

  get runId(): string {
    return this.#claim.runId;
  }

  get number(): number {
    return this.#claim.number;
  }

  get claimId(): string {
    return this.#claim.id;
  }

  get environment(): StartedInvocation['environment'] {
    return this.#invocation.environment;
  }

  get lastAppendMs(): number {
    return this.#lastAppendMs;
  }

  get isOwning(): boolean {
    const { phase } = this.#state;
    return phase === 'owning' || phase === 'catching-up' || phase === 'catching-up-ended';
  }

  /** Its claim was not read back yet: nobody else can see for certain that the run was begun. */
  get isClaiming(): boolean {
    const { phase } = this.#state;
    return phase === 'claiming' || phase === 'claiming-ended';
  }

  billedMs(): number {
    return this.#invocation.billedMs();
  }

  // What its invocation says.

  write(bytes: Buffer): Promise<void> | void {
    const { phase } = this.#state;
    if (phase !== 'claiming' && phase !== 'catching-up' && phase !== 'owning') return;
    const chunks = this.#output.push(bytes);
    this.#on({ type: 'output', chunks, problem: this.#output.problem });
    return this.#pressure.wait();
  }

  ended(settlement: Settlement): void {
    if (this.#state.phase === 'over' || this.#state.phase === 'ended') return;
    if (settlement.error === undefined) this.#output.end();
    const { triesBefore, number } = this.#claim;
    const tries = { attempt: triesBefore + number, attemptsMax: this.#host.attemptsMax };
    this.#on({ type: 'settled', ending: endingFor(settlement, this.#output, tries) });
  }

  // What the log says.

  /** The claim was read back at `offset` and counts. */
  won(run: Run, offset: bigint): void {
    this.#on({ type: 'won', run, offset });
  }

  /** Another supervisor owns the run, or somebody ended it: nothing more of this attempt counts. */
  lost(): void {
    this.#on({ type: 'lost' });
  }

  /** The log does not count what this attempt appends: only another attempt can go on. */
  broken(): void {
    this.#on({ type: 'broken' });
  }

  /** Stop was pressed: what has been made so far stays, and the function is told. */
  stop(): void {
    this.#on({ type: 'end-asked', outcome: { outcome: 'stopped' } });
  }

  /** The `superseded` end of the former run did not count: somebody else had taken that run, and goes on with it. */
  supersedeRejected(formerRunId: string): void {
    this.#on({ type: 'end-asked', outcome: { outcome: 'superseded', supersededBy: formerRunId } });
  }

  /** Hands the run over to whoever starts the next attempt: what has been made so far is appended. */
  async handOver(): Promise<void> {
    if (this.#state.phase === 'owning') await this.#appender.drain();
    // An end that is on its way stays there.
    if (this.#state.phase !== 'ended') this.lost();
  }

  /** Tells the log that the function is still at work. */
  renewLease(): Promise<unknown> {
    return this.#append([{ ...this.#envelope('lease-renewed'), payload: { owner: this.#host.owner } }]);
  }

  // What is done.

  #on(event: AttemptEvent): void {
    const { next, steps } = transition(this.#state, event);
    this.#state = next;
    for (const step of steps) this.#do(step);
    this.#pressure.set('held', 'held' in this.#state && this.#output.bytes > limits.pendingBytesMax);
  }

  #do(step: AttemptStep): void {
    switch (step.do) {
      case 'take-run':
        this.#claim = { ...this.#claim, run: step.run };
        break;
      case 'read-standing':
        this.#host.standingChunks(step.run, step.endOffset).then(
          (chunks) => this.#on({ type: 'standing', chunks }),
          (cause: unknown) => this.#on({ type: 'log-failed', error: ThroughlineError.from(cause) }),
        );
        break;
      case 'adopt':
        this.#output.adopt(step.standing);
        break;
      case 'open':
        this.#appender.open(this.#writer(), this.run.nextSeq);
        break;
      case 'push':
        for (const { chunk, bytes } of step.chunks) this.#appender.push(chunk, bytes);
        break;
      case 'move':
        this.#moveToSibling();
        break;
      case 'end':
        this.#appender.end();
        break;
      case 'flush':
        this.#appender.flush();
        break;
      case 'close':
        this.#appender.close();
        break;
      case 'last-word':
        this.#appendOrFail([this.#end(step.outcome)]);
        break;
      case 'cancel':
        this.#stop.abort();
        break;
      case 'report':
        this.#host.logger.error(
          { run: this.runId, attempt: this.number, code: step.error.code, reason: step.error.message },
          'attempt given up: the log did not take its records',
        );
        break;
      case 'tell':
        this.#host.onNews(this, step.how);
        break;
    }
  }

  /** Ends the run and goes on as attempt 1 of a sibling; one append, so that nobody can start the sibling in between. */
  #moveToSibling(): void {
    const { run: former, triesBefore, number } = this.#claim;
    const siblingId = this.#host.newId();
    const ended: RawEvent = {
      ...this.#envelope('run-ended'),
      payload: { ...this.#figures(false), outcome: 'superseded', supersededBy: siblingId } satisfies RunEnded,
    };
    this.#claim = {
      id: this.#host.newId(),
      run: former,
      runId: siblingId,
      replyId: this.#host.newId(),
      number: 1,
      triesBefore: triesBefore + number - 1,
    };
    const { messageId, model, settings } = former;
    const requested: RawEvent = {
      ...this.#envelope('run-requested'),
      payload: {
        messageId,
        replyId: this.#claim.replyId,
        function: former.function,
        ...(model === undefined ? {} : { model }),
        ...(settings === undefined ? {} : { settings }),
        supersedes: former.id,
      } satisfies PayloadOf<'run-requested'>,
    };
    this.#appender.hold();
    this.#host.onMoved(this, siblingId);
    this.#appendOrFail([ended, requested, this.#claiming({ nextSeq: 0, function: former.function })]);
  }

  #writer(): ChunkWriter {
    return {
      append: (chunks, seq, isLast) => {
        const events: RawEvent[] = [];
        if (chunks.length > 0) {
          // The reply has the id that was minted with its request, whatever the function calls it.
          const named = chunks.map((chunk) =>
            chunk.type === 'start' ? { ...chunk, messageId: this.#claim.replyId } : chunk,
          );
          events.push({ ...this.#envelope('chunk'), seq, payload: { chunks: named } });
        }
        if (isLast && this.#state.phase === 'ended') events.push(this.#end(this.#state.outcome));
        return this.#append(events);
      },
    };
  }

  #end(outcome: Outcome): RawEvent {
    return { ...this.#envelope('run-ended'), payload: { ...this.#figures(true), ...outcome } satisfies RunEnded };
  }

  #figures(isWithInvocation: boolean): Omit<RunEnded, 'outcome'> {
    const startedMs = this.run.attempts[0]?.startedMs ?? this.#host.nowMs();
    return {
      ...(isWithInvocation ? this.#output.metadata : {}),
      durationMs: Math.max(0, this.#host.nowMs() - startedMs),
      // After a divergence the invocation goes on for the sibling, which is billed for all of it.
      billedMs: this.#host.billedBefore(this.run) + (isWithInvocation ? this.billedMs() : 0),
    };
  }

  #claiming(run: { readonly nextSeq: number; readonly function: string }): RawEvent {
    const { environment, isCold } = this.#invocation;
    const payload: PayloadOf<'attempt-started'> = {
      function: run.function,
      environment,
      owner: this.#host.owner,
      leaseMs: this.#host.leaseMs,
      keep: run.nextSeq,
      isCold,
    };
    return { ...this.#envelope('attempt-started'), id: this.claimId, payload };
  }

  #envelope(type: RawEvent['type']): Omit<RawEvent, 'payload'> {
    return {
      type,
      id: this.#host.newId(),
      stream: this.run.stream,
      run: this.runId,
      ...(type === 'run-requested' ? {} : { attempt: this.number }),
      actor: this.#host.owner,
    };
  }

  #appendOrFail(events: readonly RawEvent[]): void {
    this.#append(events).catch((cause: unknown) =>
      this.#on({ type: 'log-failed', error: ThroughlineError.from(cause) }),
    );
  }

  #append(events: readonly RawEvent[]): Promise<unknown> {
    this.#lastAppendMs = this.#host.nowMs();
    return this.#host.append(events);
  }
}
