import { hkdfSync } from 'node:crypto';

type Secrets = readonly [string, ...string[]];

/**
 * A key for one purpose, derived from the server's secret, the first of JWT_SECRET (RFC 5869): a leak or a misuse of one
 * of them says nothing about the others, and operators have one secret to keep.
 */
export function deriveKey([secret]: Secrets, purpose: string): Buffer {
  return derive(secret, purpose);
}

/** One key of each secret: the first makes, all recognise, so that what was made lives on when the secret is replaced. */
export function deriveKeys([secret, ...older]: Secrets, purpose: string): [Buffer, ...Buffer[]] {
  return [derive(secret, purpose), ...older.map((other) => derive(other, purpose))];
}

function derive(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `chat-backend/${purpose}`, 32));
}
