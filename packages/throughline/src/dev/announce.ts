// What the launcher prints for each message of the server: lines for people, or one JSON line each for programs.
import type { ServerMessage } from './launch-message.ts';

/** Text for standard output and for standard error. */
export interface Announcement {
  readonly out?: string;
  readonly err?: string;
}

export function announcement(message: ServerMessage, isJson: boolean): Announcement {
  if (isJson) return { out: `${JSON.stringify(message)}\n` };
  switch (message.type) {
    case 'progress':
      return { err: `${message.text}\n` };
    case 'failed': {
      const { code, message: text, remedy } = message.error;
      return { err: `throughline: ${text.replaceAll(/\s*\n\s*/g, ' ')} [${code}] ${remedy}\n` };
    }
    case 'ready':
      return {
        out: [
          'Throughline is ready',
          `  page         ${message.http}/`,
          `  log          ${message.log}`,
          `  Kafka        ${message.kafka ?? 'not served: the log is on that cluster'}`,
          `  data folder  ${message.dataDir}`,
          `  answers by   ${message.answersBy}`,
          `  started in   ${Math.round(message.startedMs)} ms; stop with Ctrl-C`,
          '',
        ].join('\n'),
      };
    case 'crashing':
      return {};
    default:
      return message satisfies never;
  }
}
