import { createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Env } from '../config/env.js';
import { AppError } from './app-error.js';
import { deriveKeys } from './derived-key.js';

export interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

const TAG_BYTES = 12;

/**
 * Keyset cursors: the sort key of the last item, signed so that clients treat them as opaque and a tampered one is
 * refused instead of starting somewhere odd. `list` binds a cursor to the list it was made for.
 */
@Injectable()
export class Cursors {
  private readonly keys: [Buffer, ...Buffer[]];

  constructor(env: Env) {
    this.keys = deriveKeys(env.JWT_SECRET, 'cursor');
  }

  encode(list: string, position: readonly string[]): string {
    const payload = Buffer.from(JSON.stringify(position));
    return Buffer.concat([tagOf(this.keys[0], list, payload), payload]).toString('base64url');
  }

  /** @throws AppError INVALID_CURSOR */
  decode(list: string, cursor: string): string[] {
    const bytes = Buffer.from(cursor, 'base64url');
    const payload = bytes.subarray(TAG_BYTES);
    const tag = bytes.subarray(0, TAG_BYTES);
    const isOurs = this.keys.some(
      (key) => tag.length === TAG_BYTES && timingSafeEqual(tag, tagOf(key, list, payload)),
    );
    if (!isOurs) {
      throw new AppError('INVALID_CURSOR', { detail: 'Use a nextCursor exactly as this list returned it.' });
    }
    return JSON.parse(payload.toString()) as string[];
  }

  /**
   * @param rows one more than `limit` when there is a next page
   * @param position the sort key of a row
   */
  page<T>(list: string, rows: T[], limit: number, position: (row: T) => readonly string[]): Page<T> {
    const data = rows.slice(0, limit);
    const last = data.at(-1);
    const more = rows.length > limit && last !== undefined;
    return { data, nextCursor: more ? this.encode(list, position(last)) : null };
  }
}

function tagOf(key: Buffer, list: string, payload: Buffer): Buffer {
  return createHmac('sha256', key).update(`${list}\0`).update(payload).digest().subarray(0, TAG_BYTES);
}
