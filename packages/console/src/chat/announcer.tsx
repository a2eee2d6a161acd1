// What a screen reader is told of the log: that a reply has begun, and the reply once it has ended (decision 0082).
import { useState, type ReactNode } from 'react';
import { textOf } from '@throughline/event';
import type { OpenConversation } from '@throughline/state';
import { announcedCharactersMax } from '../defaults.ts';
import { stateOf, stateWords } from './run-facts.ts';

export function Announcer(props: {
  readonly conversation: OpenConversation;
  readonly liveRunId: string | undefined;
}): ReactNode {
  const { conversation, liveRunId } = props;
  const [said, setSaid] = useState({ liveRunId, text: '' });
  if (said.liveRunId !== liveRunId) {
    const text = liveRunId === undefined ? endWords(conversation, said.liveRunId) : 'The reply is being written.';
    setSaid({ liveRunId, text });
  }
  return (
    <p className="visually-hidden" role="status" data-announcer>
      {said.text}
    </p>
  );
}

function endWords(conversation: OpenConversation, runId: string | undefined): string {
  const run = runId === undefined ? undefined : conversation.get(`run:${runId}`);
  if (run === undefined) return '';
  const text = textOf(conversation.get(`parts:${run.replyId}`) ?? []);
  const isLong = text.length > announcedCharactersMax;
  return `${stateWords[stateOf(run)]}. ${isLong ? `${text.slice(0, announcedCharactersMax)} … and more` : text}`;
}
