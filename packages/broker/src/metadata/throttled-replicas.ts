// What a list of throttled replicas must look like (ThrottledReplicaListValidator.java): `*`, or partition and broker of each.
import { listItems } from './config-definition.ts';

export function throttledReplicasProblem(name: string): (value: string) => string | undefined {
  const format = `${name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`;
  return (value) => (value === '*' || listItems(value).every((item) => /^\d+:\d+$/.test(item)) ? undefined : format);
}
