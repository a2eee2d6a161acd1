// Says what is being waited for, when it takes longer than a moment.
import { progressAfterMs } from '../defaults.ts';

/** `work`, with `text` told once when it is not done after a second. */
export async function whileSlow<T>(work: Promise<T>, text: string, onProgress: (text: string) => void): Promise<T> {
  const timer = setTimeout(() => onProgress(text), progressAfterMs);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
