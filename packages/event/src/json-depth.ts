// How deeply arrays and objects may be nested in what comes from outside. JSON.parse takes any depth; JSON.stringify and
// structuredClone do not, and run out of stack at some thousands. What is deeper than this is rejected where it comes in,
// so that nothing that was taken can fail later, in somebody else's hands.

/** Far beyond what people and models nest, far below what any stack takes. */
export const jsonDepthMax = 256;

/**
 * Whether arrays and objects in `value` are nested deeper than `jsonDepthMax`.
 *
 * @param textLength length of its JSON text: a short one cannot be deep, and is not looked at
 * @example isTooDeep(JSON.parse(text), text.length)
 */
export function isTooDeep(value: unknown, textLength: number): boolean {
  return textLength > 2 * jsonDepthMax && isDeeperThan(value, jsonDepthMax);
}

function isDeeperThan(value: unknown, depthMax: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depthMax === 0) return true;
  for (const inner of Object.values(value)) if (isDeeperThan(inner, depthMax - 1)) return true;
  return false;
}
