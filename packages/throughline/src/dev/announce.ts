// What the launcher prints for each message of the server: lines for people, or one JSON line each for programs.
import { failureLine, printJsonLine, printLines, say } from '../terminal/output.ts';
import type { ServerMessage } from './launch-message.ts';

export function announce(message: ServerMessage, isJson: boolean): void {
  if (isJson) return printJsonLine(message);
  switch (message.type) {
    case 'progress':
      return say(message.text);
    case 'failed':
      return say(failureLine(message.error));
    case 'ready':
      return printLines([
        'Throughline is ready',
        `  page         ${message.http}/`,
        `  log          ${message.log}`,
        `  Kafka        ${message.kafka ?? 'not served: the log is on that cluster'}`,
        `  data folder  ${message.dataDir}`,
        `  answers by   ${message.answersBy}`,
        `  started in   ${Math.round(message.startedMs)} ms; stop with Ctrl-C`,
      ]);
    case 'crashing':
      return undefined;
    default:
      return message satisfies never;
  }
}
