// The strip under a reply: what the log knows of the run that wrote it. After a kill it also says what the kill cost.
import { useEffect, useState, type ReactNode } from 'react';
import type { Run } from '@throughline/event';
import { runningTickMs } from '../defaults.ts';
import { cost, counted, duration } from '../ui/format.ts';
import { attemptsOf, durationOf, offsetsOf, stateOf, stateWords, type AttemptFacts } from './run-facts.ts';

export function RunStrip(props: {
  readonly run: Run;
  /** Shows the reply of the run that took over, or that was taken over. */
  readonly onShowRun: (runId: string) => void;
}): ReactNode {
  const { run, onShowRun } = props;
  const state = stateOf(run);
  const nowMs = useNow(run.phase !== 'ended');
  const tookMs = durationOf(run, nowMs);
  const attempts = attemptsOf(run);
  const owner = attempts.find((attempt) => attempt.isOwner);
  const { usage, costUsd, model, supersededBy } = run.ended ?? {};
  return (
    <div className="strip" role="group" aria-label="How this reply was made" data-state={state}>
      <dl className="strip-facts">
        <Fact name="Status" isHidden>
          <span className="dot" data-state={state === 'stopping' ? 'running' : state} /> <b>{stateWords[state]}</b>
        </Fact>
        <Fact name="Attempts" isHidden>
          {attempts.length === 0 ? 'no attempt yet' : counted(attempts.length, 'attempt')}
        </Fact>
        {owner !== undefined && <Fact name="pid">{owner.pid}</Fact>}
        {tookMs !== undefined && (
          <Fact name="Duration" isHidden>
            {duration(tookMs)}
          </Fact>
        )}
        {usage !== undefined && (
          <Fact name="tokens">
            {usage.inputTokens ?? 0} in, {usage.outputTokens ?? 0} out
          </Fact>
        )}
        {costUsd !== undefined && <Fact name="cost">{cost(costUsd)}</Fact>}
        {model !== undefined && <Fact name="model">{model}</Fact>}
        <Fact name="log">
          <span className="mono">{offsetsOf(run)}</span>
        </Fact>
      </dl>
      {attempts.length > 1 && (
        <ol className="attempts">
          {attempts.map((attempt, index) => (
            <li key={attempt.attempt} data-owner={attempt.isOwner}>
              <AttemptLine facts={attempt} next={attempts[index + 1]} />
            </li>
          ))}
        </ol>
      )}
      {supersededBy !== undefined && (
        <RunLink runId={supersededBy} onShowRun={onShowRun} label="Show the version that took over">
          A later attempt would have said something else. What was shown stays here;
        </RunLink>
      )}
      {run.supersedes !== undefined && (
        <RunLink runId={run.supersedes} onShowRun={onShowRun} label="Show the version before">
          This version took over from one that was cut and could not be carried on word by word.
        </RunLink>
      )}
    </div>
  );
}

function Fact(props: { readonly name: string; readonly isHidden?: boolean; readonly children: ReactNode }): ReactNode {
  return (
    <div>
      <dt className={props.isHidden === true ? 'visually-hidden' : undefined}>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function AttemptLine({
  facts,
  next,
}: {
  readonly facts: AttemptFacts;
  readonly next: AttemptFacts | undefined;
}): ReactNode {
  const kept = facts.attempt === 1 ? '' : `, kept ${counted(facts.keptChunks, 'chunk')}`;
  return (
    <>
      Attempt {facts.attempt}: pid <span className="mono">{facts.pid}</span>, offset{' '}
      <span className="mono">{facts.offset}</span>
      {kept}
      {facts.gapMs !== undefined && (
        <>
          {' '}
          · went on after <span className="cost-of-kill">{duration(facts.gapMs)}</span>
        </>
      )}
      {next !== undefined && ' · ended before the reply did'}
    </>
  );
}

function RunLink(props: {
  readonly runId: string;
  readonly label: string;
  readonly onShowRun: (runId: string) => void;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <p className="note-line">
      {props.children}{' '}
      <button type="button" className="link" onClick={() => props.onShowRun(props.runId)}>
        {props.label}
      </button>
    </p>
  );
}

/** The wall clock, moving while something runs. */
function useNow(isRunning: boolean): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => setNowMs(Date.now()), runningTickMs);
    return () => clearInterval(timer);
  }, [isRunning]);
  return nowMs;
}
