// Compares what a new attempt says with what stands of the reply (carry-on.ts), and keeps what it has said meanwhile: where
// it turns out to be another reply, that is the beginning of it.
import type { UiChunk } from '@throughline/event';
import { CarryOn } from './carry-on.ts';
import { terminalOf } from './ui-chunks.ts';
import type { ParsedChunk } from './ui-stream-parser.ts';

export class Comparison {
  readonly #carryOn: CarryOn;
  #said: ParsedChunk[] = [];
  /** The function has said that this attempt comes to no good end. */
  #hasFailed = false;

  /** @param standing the chunks of the run that count so far */
  constructor(standing: readonly UiChunk[]) {
    this.#carryOn = new CarryOn(standing);
  }

  /** What is to be appended of the next chunk, or all that was said when it has diverged; it is used no more then. */
  feed(parsed: ParsedChunk): { readonly append: readonly ParsedChunk[] } | { readonly diverged: ParsedChunk[] } {
    const carryOn = this.#carryOn;
    // An attempt that fails before it has come through is no divergence: what stands stays, and the run fails.
    if (this.#hasFailed && !carryOn.isThrough) return { append: [] };
    const terminal = terminalOf(parsed.chunk);
    this.#hasFailed ||= terminal === 'error' || terminal === 'abort';
    if (!carryOn.isThrough) this.#said.push(parsed);
    const step = carryOn.feed(parsed.chunk);
    if (step === 'diverged') return { diverged: this.#said };
    if (carryOn.isThrough) this.#said = [];
    return { append: step.map((chunk) => ({ chunk, bytes: parsed.bytes })) };
  }
}
