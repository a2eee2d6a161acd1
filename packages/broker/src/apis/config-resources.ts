// What a request about settings asks for.
import { resourceTypes } from '../ground/config-resource-types.ts';

export interface ConfigResource {
  readonly resourceType: number;
  readonly resourceName: string;
}

/** Whether it is one of them. */
export function isResourceType(resourceType: number): boolean {
  return Object.values(resourceTypes).some((known) => known === resourceType);
}

/** The same for the same resource and nothing else. */
export function resourceKey({ resourceType, resourceName }: ConfigResource): string {
  return `${resourceType} ${resourceName}`;
}

/** The node that a name means, or undefined for what is no number. */
export function nodeIdOf(resourceName: string): number | undefined {
  return /^[+-]?\d{1,10}$/.test(resourceName) ? Number(resourceName) : undefined;
}
