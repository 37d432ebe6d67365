import { createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { deriveKeys } from '../common/derived-key.js';
import { Env } from '../config/env.js';

/** Of the MAC: 128 bits. */
const TAG_BYTES = 16;
const EXPIRY_BYTES = 6;
const UUID_BYTES = 16;
const TICKET_BYTES = UUID_BYTES + EXPIRY_BYTES + TAG_BYTES;

/**
 * Lets a browser's EventSource, which cannot send a header, watch one reply for a short while: person and expiry, signed
 * together with the message's id. A ticket opens nothing else, and says nothing to who reads it in a log.
 *
 * It does not end with the session that got it: it shows one reply that this very session asked for, to who had it
 * already, for STREAM_TICKET_TTL_SECONDS at most; and every look at a session would make a stream wait for Redis.
 */
@Injectable()
export class StreamTickets {
  private readonly keys: [Buffer, ...Buffer[]];

  constructor(private readonly env: Env) {
    this.keys = deriveKeys(env.JWT_SECRET, 'stream-ticket');
  }

  issue(userId: string, messageId: string): string {
    const payload = Buffer.alloc(UUID_BYTES + EXPIRY_BYTES);
    payload.write(userId.replaceAll('-', ''), 'hex');
    payload.writeUIntBE(Date.now() + this.env.STREAM_TICKET_TTL_SECONDS * 1000, UUID_BYTES, EXPIRY_BYTES);
    return Buffer.concat([payload, tagOf(this.keys[0], payload, messageId)]).toString('base64url');
  }

  /** @returns whose ticket it is; null when it is expired, tampered with, or for another message */
  verify(ticket: string, messageId: string): string | null {
    const bytes = Buffer.from(ticket, 'base64url');
    if (bytes.length !== TICKET_BYTES) return null;
    const payload = bytes.subarray(0, UUID_BYTES + EXPIRY_BYTES);
    const tag = bytes.subarray(UUID_BYTES + EXPIRY_BYTES);
    if (!this.keys.some((key) => timingSafeEqual(tag, tagOf(key, payload, messageId)))) return null;
    if (payload.readUIntBE(UUID_BYTES, EXPIRY_BYTES) <= Date.now()) return null;
    return payload.toString('hex', 0, UUID_BYTES).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }
}

function tagOf(key: Buffer, payload: Buffer, messageId: string): Buffer {
  return createHmac('sha256', key)
    .update(payload)
    .update(messageId.toLowerCase())
    .digest()
    .subarray(0, TAG_BYTES);
}
