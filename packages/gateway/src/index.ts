// Public surface of the gateway.
export type { LogApiContext } from './topics/log-api-context.ts';
export { logApi } from './topics/log-api.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export type { Listener, ListenOptions } from './http/node-server.ts';
export type { DevActions, TableDescription, TableRow, TablesReader } from './context/ports.ts';
