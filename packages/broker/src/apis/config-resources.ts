// What has settings in Kafka's protocol (common/config/ConfigResource.java): topics and brokers have some here. Loggers have
// no levels of their own, as the logger is handed in; the settings of groups are those of later group protocols, and client
// metrics come with telemetry: neither is there to be set.
export const resourceTypes = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const;

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
