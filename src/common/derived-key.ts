import { hkdfSync } from 'node:crypto';

/**
 * A key for one purpose, derived from the server's secret (RFC 5869): a leak or a misuse of one of them says nothing
 * about the others, and operators have one secret to keep.
 */
export function deriveKey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `chat-backend/${purpose}`, 32));
}
