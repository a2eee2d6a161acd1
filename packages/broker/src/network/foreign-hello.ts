// Clients that speak something else on the Kafka port: what they say first is no size of a request, and they are told so
// in words of their own protocol.
import { utf8 } from '@throughline/event';
import type { Rejection } from './rejections.ts';

const httpStarts = new Set(['GET ', 'HEAD', 'POST', 'PUT ', 'DELE', 'OPTI', 'PATC', 'CONN', 'TRAC', 'PRI ']);
const httpText = 'This port speaks the Kafka protocol, not HTTP.\n';
const httpAnswer = utf8(
  `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${httpText.length}\r\nConnection: close\r\n\r\n${httpText}`,
);

/** A TLS record (RFC 8446 §5.1): alert, version 1.0 for the sake of the oldest; fatal, handshake_failure. */
const tlsAlert = Uint8Array.of(21, 3, 1, 0, 2, 2, 40);
const tlsHandshake = 22;

/** The rejection of a client whose first bytes are those of HTTP or TLS, else undefined. */
export function foreignHello(start: Uint8Array): Rejection | undefined {
  if (start[0] === tlsHandshake && start[1] === 3) {
    return {
      reason: 'tls-hello',
      message: 'closed a connection that began with TLS: this port is plain text; set security.protocol=PLAINTEXT',
      closingBytes: tlsAlert,
    };
  }
  if (httpStarts.has(String.fromCharCode(...start.subarray(0, 4)))) {
    return {
      reason: 'http-request',
      message: 'closed a connection that spoke HTTP: this is the Kafka port; the HTTP API is on the other one',
      closingBytes: httpAnswer,
    };
  }
  return undefined;
}
