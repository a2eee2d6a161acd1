// Public surface of the gateway.
export type { LogApiContext } from './admin/log-api-context.ts';
export { logApi } from './admin/log-api.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export type { Listener, ListenOptions } from './node-server.ts';
export type { DevActions, TableDescription, TableRow, TablesReader } from './ports.ts';
