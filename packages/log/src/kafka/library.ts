// @platformatic/kafka, loaded when the first Kafka log is opened: an embedded log starts without it. Of the library this
// adapter uses the connections (sockets, correlation, time-outs; TLS and SASL when their turn comes). Messages are read and
// written by @throughline/wire, because the port needs what the library's own calls do not give: record batches as bytes,
// checksums of what is fetched, one and the same batch for every try of an append.
import type { Connection, Writer } from '@platformatic/kafka';

export interface KafkaLibrary {
  readonly Connection: typeof Connection;
  readonly Writer: typeof Writer;
}

let loading: Promise<KafkaLibrary> | undefined;

/** The library, loaded once. */
export function kafkaLibrary(): Promise<KafkaLibrary> {
  loading ??= import('@platformatic/kafka');
  return loading;
}
