// What the file of an API says of it (apis/<name>.ts): its key, its versions, and both messages in both directions, so
// that a broker, a client and a test read and write by the same table.
import type { MessageReader } from './message-reader.ts';
import type { MessageWriter } from './message-writer.ts';

export interface Api<Request = unknown, Response = unknown> {
  /** The number in the header of a request. */
  readonly key: number;
  /** As Kafka names it: `Produce`, `JoinGroup`. */
  readonly name: string;
  readonly versionMin: number;
  readonly versionMax: number;
  /** The first version with compact types and tagged fields (KIP-482); Infinity where there is none. */
  readonly flexibleFrom: number;
  readRequest(from: MessageReader): Read<Request>;
  writeRequest(to: MessageWriter, request: Request): void;
  readResponse(from: MessageReader): Read<Response>;
  writeResponse(to: MessageWriter, response: Response): void;
}

/** A structure that stands in the value or key of a record, versioned like a message. */
export interface RecordSchema<Value = unknown> {
  readonly name: string;
  /** The number by which records of this kind are known among others of their log, where there is one. */
  readonly recordType?: number;
  readonly versionMin: number;
  readonly versionMax: number;
  readonly flexibleFrom: number;
  read(from: MessageReader): Read<Value>;
  write(to: MessageWriter, value: Value): void;
}

/** A message as it was read: a field that its version lacks has the default of the schema, so that nothing is absent. */
export type Read<Value> = Value extends Uint8Array
  ? Value
  : Value extends readonly (infer Item)[]
    ? readonly Read<Item>[]
    : Value extends object
      ? { readonly [Name in keyof Value]-?: Read<Exclude<Value[Name], undefined>> }
      : Value;
