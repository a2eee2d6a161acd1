// What has settings in Kafka's protocol and in its metadata log (common/config/ConfigResource.java): topics and brokers have some
// here. Loggers have no levels of their own, as the logger is handed in; the settings of groups are those of later group
// protocols, and client metrics come with telemetry: neither is there to be set.
export const resourceTypes = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const;
