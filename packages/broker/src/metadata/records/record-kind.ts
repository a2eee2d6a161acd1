// How one kind of metadata record is read and written.
import type { Reader, Writer } from '@throughline/wire';

export interface ReadableRecordKind<Record extends { readonly type: string }> {
  readonly type: Record['type'];
  readonly apiKey: number;
  read(from: Reader, version: number): Record;
}

export interface RecordKind<Record extends { readonly type: string }> extends ReadableRecordKind<Record> {
  /** The version written. */
  readonly version: number;
  write(to: Writer, record: Record): void;
}
