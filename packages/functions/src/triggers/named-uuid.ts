// Ids that are made from what they stand for, so that whoever makes one again has the same.
// Source: RFC 9562 §5.8, UUID version 8: digits of one's own making.
import { createHash } from 'node:crypto';

/**
 * The UUID of a name; two names have one with the likelihood of a collision of SHA-256.
 *
 * @example namedUuid('schedule hello rate(1 minute) 2026-12-01T10:00:00Z')
 */
export function namedUuid(name: string): string {
  const digits = createHash('sha256').update(name).digest('hex');
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `a${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-');
}
