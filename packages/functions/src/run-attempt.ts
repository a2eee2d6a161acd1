// One attempt at a run: from the record that claims it to the one that ends it. It ties together an invocation of the
// function, what stands of the reply on the log, and the appender that adds to it.
//
//   starting     `attempt-started` is on its way to the log, the function is already running; its output is held
//   catching-up  the claim was read back and counts; chunks of earlier attempts are read, to be compared with
//   owning       output is appended as it comes
//   over         ended, handed to the next attempt, or lost to another supervisor
//
// The claim decides: output reaches the log only after the log itself has said that this attempt owns the run.
import { ThroughlineError, type PayloadOf, type RawEvent, type Run, type UiChunk } from '@throughline/event';
import type { AttemptEnd, AttemptHost } from './attempt-host.ts';
import { CarryOn } from './carry-on.ts';
import { ChunkAppender, type ChunkWriter } from './chunk-appender.ts';
import { limits } from './defaults.ts';
import type { Environment } from './environment.ts';
import type { Invocation, InvocationListener, Settlement } from './invocation.ts';
import { ReplyOutput } from './reply-output.ts';
import { endingFor, endingOf, failed, type Ending } from './run-ending.ts';
import { terminalOf } from './ui-chunks.ts';
import type { ParsedChunk } from './ui-stream-parser.ts';

type RunEnded = PayloadOf<'run-ended'>;

export class RunAttempt {
  readonly environment: Environment;
  /** The run, as folded; another one after a divergence, once that has been read back. */
  run: Run;
  runId: string;
  number: number;
  /** Id of the `attempt-started` that claims the run. */
  claimId: string;
  /** When something of the run was last handed to the log: the lease counts from there. */
  lastAppendMs: number;
  readonly #host: AttemptHost;
  /** Tries of the runs that this one took over from. */
  #triesBefore: number;
  readonly #appender: ChunkAppender;
  readonly #output = new ReplyOutput();
  #phase: 'starting' | 'catching-up' | 'owning' | 'over' = 'starting';
  #invocation: Invocation | undefined;
  #replyId: string;
  /** Output that waits for what stands; only where an earlier attempt may have left something. */
  #held: ParsedChunk[] | undefined;
  #carryOn: CarryOn | undefined;
  /** All output so far, kept while it is compared. */
  #produced: ParsedChunk[] = [];
  /** The function has said that this attempt comes to no good end. */
  #hasFailed = false;
  /** How the run is to end, as soon as this attempt owns it. */
  #ending: Ending | undefined;

  constructor(host: AttemptHost, run: Run, environment: Environment, triesBefore: number) {
    this.#host = host;
    this.#triesBefore = triesBefore;
    this.run = run;
    this.runId = run.id;
    this.number = run.attempt + 1;
    this.environment = environment;
    this.claimId = host.newId();
    this.lastAppendMs = host.nowMs();
    this.#replyId = run.replyId;
    if (this.number > 1) this.#held = [];
    this.#appender = new ChunkAppender({
      ...host.appending,
      onPressure: (isHigh) => this.#invocation?.pause(isHigh),
      onFailed: (error) => this.#onAppendFailed(error),
    });
  }

  /** Claims the run and starts the function, both at once. */
  start(requestId: string, eventJson: string, isAlone: boolean): void {
    this.#append([this.#claim(this.run)]).catch((error: unknown) => this.#abandon(ThroughlineError.from(error)));
    const listener: InvocationListener = {
      onData: (bytes) => this.#onData(bytes),
      onSettled: (settlement) => this.#onSettled(settlement),
    };
    this.#invocation = this.environment.invoke(requestId, eventJson, listener, isAlone);
  }

  get isOwning(): boolean {
    return this.#phase === 'owning' || this.#phase === 'catching-up';
  }

  /** The claim was read back at `offset` and counts. */
  won(run: Run, offset: bigint): void {
    if (this.#phase !== 'starting') return;
    this.run = run;
    if (this.#held === undefined || run.nextSeq === 0) return this.#own();
    this.#phase = 'catching-up';
    this.#host.standingChunks(run, offset).then(
      (standing) => this.#carryOnFrom(standing),
      (error: unknown) => this.#abandon(ThroughlineError.from(error)),
    );
  }

  /** Another supervisor owns the run, or somebody ended it: nothing more of this attempt counts. */
  fenced(): void {
    this.#over('abandoned');
  }

  /** The log does not count what this attempt appends: only another attempt can go on. */
  broken(): void {
    this.#over('retry');
  }

  /** Stop was pressed: what has been made so far stays, and the function is told. */
  stop(): void {
    this.#endAs({ outcome: 'stopped' });
  }

  /** The `superseded` end of the former run did not count: somebody else had taken that run, and goes on with it. */
  supersedeRefused(formerRunId: string): void {
    this.#endAs({ outcome: 'superseded', supersededBy: formerRunId });
  }

  /** Hands the run over to whoever starts the next attempt: what has been made so far is appended. */
  async handOver(): Promise<void> {
    if (this.#phase === 'over') return;
    if (this.#phase === 'owning') await this.#appender.drain();
    this.fenced();
  }

  /** Tells the log that the function is still at work. */
  renewLease(): Promise<unknown> {
    return this.#append([{ ...this.#envelope('lease-renewed'), payload: { owner: this.#host.owner } }]);
  }

  billedMs(): number {
    return this.#invocation?.billedMs() ?? 0;
  }

  #onData(bytes: Buffer): void {
    if (this.#phase === 'over' || this.#ending !== undefined) return;
    for (const parsed of this.#output.push(bytes)) {
      if (this.#held !== undefined) this.#held.push(parsed);
      else this.#take(parsed);
    }
    if (this.#held !== undefined && this.#output.bytes > limits.pendingBytesMax) this.#invocation?.pause(true);
    const { problem } = this.#output;
    if (problem !== undefined) this.#endAs(failed('FUNCTION_OUTPUT_INVALID', problem));
  }

  #take(parsed: ParsedChunk): void {
    const carryOn = this.#carryOn;
    if (carryOn === undefined) return this.#appender.push(parsed.chunk, parsed.bytes);
    // An attempt that fails before it has come through is no divergence: what stands stays, and the run fails.
    if (this.#hasFailed && !carryOn.isThrough) return;
    const terminal = terminalOf(parsed.chunk);
    this.#hasFailed ||= terminal === 'error' || terminal === 'abort';
    if (!carryOn.isThrough) this.#produced.push(parsed);
    const step = carryOn.feed(parsed.chunk);
    if (step === 'diverged') return this.#moveToSibling();
    for (const chunk of step) this.#appender.push(chunk, parsed.bytes);
    if (carryOn.isThrough) this.#produced = [];
  }

  #carryOnFrom(standing: readonly UiChunk[]): void {
    if (this.#phase !== 'catching-up') return;
    const terminal = standing.find((chunk) => terminalOf(chunk) !== undefined);
    if (terminal !== undefined) {
      // The reply was complete; only the record that ends the run was missing.
      this.#output.adopt(standing);
      this.#ending = undefined;
      return this.#endAs(endingOf(terminal));
    }
    this.#carryOn = new CarryOn(standing);
    this.#own();
  }

  #own(): void {
    this.#phase = 'owning';
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#invocation?.pause(false);
    this.#appender.open(this.#writer(), this.run.nextSeq);
    for (const parsed of held) this.#take(parsed);
    this.#conclude();
  }

  /** The new text contradicts what stands: the run ends, and a sibling beside it gets the whole of the new text. */
  #moveToSibling(): void {
    const former = this.run;
    const siblingId = this.#host.newId();
    const ended: RawEvent = {
      ...this.#envelope('run-ended'),
      payload: { ...this.#figures(false), outcome: 'superseded', supersededBy: siblingId } satisfies RunEnded,
    };
    this.#replyId = this.#host.newId();
    this.#triesBefore += this.number - 1;
    this.runId = siblingId;
    this.number = 1;
    this.claimId = this.#host.newId();
    this.#carryOn = undefined;
    this.#phase = 'starting';
    const { messageId, model, settings } = former;
    const requested: RawEvent = {
      ...this.#envelope('run-requested'),
      payload: {
        messageId,
        replyId: this.#replyId,
        function: former.function,
        ...(model === undefined ? {} : { model }),
        ...(settings === undefined ? {} : { settings }),
        supersedes: former.id,
      } satisfies PayloadOf<'run-requested'>,
    };
    this.#appender.hold();
    for (const { chunk, bytes } of this.#produced.splice(0)) this.#appender.push(chunk, bytes);
    this.#host.onMoved(this, siblingId);
    // One append, so that nobody can start the sibling in between.
    this.#append([ended, requested, this.#claim({ nextSeq: 0, function: former.function })]).catch((error: unknown) =>
      this.#abandon(ThroughlineError.from(error)),
    );
  }

  #onSettled(settlement: Settlement): void {
    if (this.#phase === 'over' || this.#ending !== undefined) return;
    if (settlement.kind === 'returned') this.#output.end();
    const attempt = this.#triesBefore + this.number;
    this.#ending = endingFor(settlement, this.#output, { attempt, attemptsMax: this.#host.attemptsMax });
    this.#conclude();
  }

  /** Ends the run without waiting for the handler, which is told. */
  #endAs(ending: Ending): void {
    if (this.#phase === 'over' || this.#ending !== undefined) return;
    this.#ending = ending;
    // What is held has not been compared with what stands, and nobody waits for it any more.
    this.#held = undefined;
    if (this.#phase === 'catching-up') this.#own();
    else this.#conclude();
    this.#invocation?.cancel();
  }

  #conclude(): void {
    if (this.#phase !== 'owning' || this.#ending === undefined) return;
    if (this.#ending !== 'retry') {
      this.#appender.end();
      this.#phase = 'over';
      this.#host.onOver(this, 'ended');
      return;
    }
    // What the dead process had made is shown; the next attempt carries on from there.
    this.#appender.flushAndClose();
    this.#over('retry');
  }

  /** What is too large for the log once is too large for it each time: the run ends, instead of being tried again. */
  #onAppendFailed(refusal: ThroughlineError): void {
    if (refusal.code !== 'RECORD_TOO_LARGE') return this.#abandon(refusal);
    const outcome = failed('FUNCTION_OUTPUT_INVALID', `a chunk does not fit into a record: ${refusal.message}`);
    const payload: RunEnded = { ...this.#figures(true), ...outcome };
    this.#append([{ ...this.#envelope('run-ended'), payload }]).catch((error: unknown) =>
      this.#abandon(ThroughlineError.from(error)),
    );
    // It may have been over already, its end in the very record that was refused.
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#host.onOver(this, 'ended');
    this.#invocation?.cancel();
  }

  #abandon(error: ThroughlineError): void {
    this.#host.logger.error(
      { run: this.runId, attempt: this.number, code: error.code, reason: error.message },
      'attempt given up: the log did not take its records',
    );
    if (this.#phase === 'over') this.#host.onEndRefused(this);
    else this.#over('abandoned');
  }

  #over(how: Exclude<AttemptEnd, 'ended'>): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#appender.close();
    this.#invocation?.cancel();
    this.#host.onOver(this, how);
  }

  #writer(): ChunkWriter {
    return {
      append: (chunks, seq, isLast) => {
        const events: RawEvent[] = [];
        if (chunks.length > 0) {
          // The reply has the id that was minted with its request, whatever the function calls it.
          const named = chunks.map((chunk) =>
            chunk.type === 'start' ? { ...chunk, messageId: this.#replyId } : chunk,
          );
          events.push({ ...this.#envelope('chunk'), seq, payload: { chunks: named } });
        }
        const ending = this.#ending;
        if (isLast && ending !== undefined && ending !== 'retry') {
          const payload: RunEnded = { ...this.#figures(true), ...ending };
          events.push({ ...this.#envelope('run-ended'), payload });
        }
        return this.#append(events);
      },
    };
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

  #claim(run: { readonly nextSeq: number; readonly function: string }): RawEvent {
    const { id, pid, isReady } = this.environment;
    const payload: PayloadOf<'attempt-started'> = {
      function: run.function,
      environment: { id, pid },
      owner: this.#host.owner,
      leaseMs: this.#host.leaseMs,
      keep: run.nextSeq,
      isCold: !isReady,
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

  #append(events: readonly RawEvent[]): Promise<unknown> {
    this.lastAppendMs = this.#host.nowMs();
    return this.#host.append(events);
  }
}
