// Which partitions of its topic a table answers for, where several processes share it out (docs/decisions/0106). What is stored
// may have more: rows of partitions that this process held before. They were right when they were made and are not kept up
// to date any more, so nobody is shown them; when such a partition comes back, the fold goes on where it stood in it.

/** Of the tables that are shared out, by name: the partitions that are held now. A table that is not in it is whole. */
export type HeldPartitions = ReadonlyMap<string, readonly number[]>;

/** The condition under which a row belongs to a partition that is held. */
export function isHeldSql(partitions: readonly number[]): string {
  return partitions.length === 0 ? 'false' : `source_partition in (${partitions.join(', ')})`;
}
