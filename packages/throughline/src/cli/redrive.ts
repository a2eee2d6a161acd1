// `throughline redrive TOPIC`: brings dead letters back to where they came from, or to `--to`, each at most once (redrive-letters.ts).
import { systemClock, ThroughlineError } from '@throughline/event';
import { redriveProgressLetters } from '../defaults.ts';
import { printJsonLine, printLine, say, countText } from '../terminal/output.ts';
import { withCluster } from './cluster.ts';
import { countOption, namedValues, textOption, type Options } from './options.ts';
import { redrive, redriveGroup, type RedrivenLetter } from './redrive-letters.ts';

export async function run(options: Options, [topic = '']: readonly string[]): Promise<void> {
  if (topic === '') throw new ThroughlineError('INVALID_ARGUMENT', 'redrive: which topic?');
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const isJson = options['json'] === true;
  const isDryRun = options['dryRun'] === true;
  let count = 0;
  const onLetter = (letter: RedrivenLetter): void => {
    if (isJson) printJsonLine({ topic, ...letter });
    else if (isDryRun || letter.state === 'in doubt') printLine(lineOf(topic, letter));
    else if (++count % redriveProgressLetters === 0) say(`${countText(count, 'letter')} …`);
  };
  await withCluster(options, async ({ log }) => {
    const counts = await redrive({
      log,
      topic,
      to: textOption(options, 'to'),
      where: namedValues(options, 'where'),
      rate: countOption(options, 'rate'),
      isDryRun,
      clock: systemClock,
      signal: stop.signal,
      onLetter,
    });
    const done = isDryRun
      ? `${countText(counts['would send'], 'letter')} would be sent`
      : `${countText(counts.sent, 'letter')} sent`;
    const passed = [
      counts['no match'] > 0 ? `${counts['no match']} passed that do not match` : '',
      counts['no origin'] > 0 ? `${counts['no origin']} passed that say no origin` : '',
      counts['in doubt'] > 0 ? `${counts['in doubt']} in doubt, named above` : '',
    ].filter((text) => text !== '');
    say([done, ...passed].join('; '));
    if (passed.length > 0 && !isDryRun) {
      say(`what was passed is not come back to; \`throughline groups reset ${redriveGroup(topic)}\` begins again`);
    }
    if (stop.signal.aborted) say('stopped; the next redrive of this topic goes on here');
  });
}

function lineOf(topic: string, { partition, offset, state, destination = '-' }: RedrivenLetter): string {
  return `${topic}-${partition}@${offset}  ${state}  ${destination}`;
}
