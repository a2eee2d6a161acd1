// Says what is being waited for, when it takes longer than a moment.
import { progressAfterMs } from '../defaults.ts';

/** `work`, with `text` told once when it is not done after a second, or after `afterMs`. */
export async function whileSlow<T>(
  work: Promise<T>,
  text: string,
  onProgress: (text: string) => void,
  afterMs: number = progressAfterMs,
): Promise<T> {
  const timer = setTimeout(() => onProgress(text), afterMs);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
