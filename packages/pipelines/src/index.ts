// Public surface of the pipelines: what a user declares, the recipe of the turns, and the engine that a server starts.
export { table, type RowOf, type TableDefinition, type TableOptions } from './table.ts';
export { topic, type TopicSource, type ValueRecord } from './topic.ts';
export { turns } from './turns.ts';
export { startPipelines, type Pipelines, type PipelinesOptions } from './pipeline.ts';
export type { TableDescription, TablePage, TableRow, TablesReader } from './tables.ts';
export type { Column, QueryOptions, QueryResult } from './query.ts';
export type { Columns, ColumnType } from '@throughline/fold';
