// A defect on demand: SIGUSR2 makes a process throw where nobody catches.
const source = 'process.on("SIGUSR2", () => { throw new TypeError("planted") })';

/** A flag of Node. */
export const throwsOnSignal: string = `--import=data:text/javascript,${encodeURIComponent(source)}`;
