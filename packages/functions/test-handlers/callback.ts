// A handler for tests in the style that Node.js 24 has no more.
export function handler(_event: unknown, _context: unknown, callback: (error: null, value: string) => void): void {
  callback(null, 'hello');
}
