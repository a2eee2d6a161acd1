// The clock of a model. Unlike the system clock of `event`, its timers keep the process alive: a program that only
// waits for the next word of an answer must not end before it comes.
import { systemClock, type Clock } from '@throughline/event';

export const modelClock: Clock = {
  ...systemClock,
  after(delayMs, action) {
    const handle = setTimeout(action, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
