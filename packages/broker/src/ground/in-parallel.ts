// Doing many things at a time, and never too many.

/**
 * Runs `action` for each item, `countMax` at a time, and returns the results in the order of the items. After a failure
 * nothing more is begun; what is under way is waited for, and the first failure thrown.
 *
 * @example await inParallel(partitions, 16, (partition) => partition.close())
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  countMax: number,
  action: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        results[index] = await action(items[index]!);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(countMax, items.length) }, work));
  if (failures.length > 0) throw failures[0];
  return results;
}
