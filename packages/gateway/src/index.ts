// Public surface of the gateway.
export { logApi, type LogApiContext } from './admin/log-api.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export type { Listener, ListenOptions } from './node-server.ts';
export type { DevActions, TableDescription, TableRow, TablesReader } from './ports.ts';
