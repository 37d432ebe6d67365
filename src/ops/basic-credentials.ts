import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A user and password as a browser sends them (RFC 7617). */
export class BasicCredentials {
  private readonly expected: Buffer;

  /** @param user without a colon */
  constructor(user: string, password: string) {
    this.expected = digest(`${user}:${password}`);
  }

  /** Compares digests, which are equally long and as different for a near miss as for any: the time it takes tells nothing. */
  areIn(authorization: string): boolean {
    const [, token = ''] = /^basic +([\w+/=-]+)$/i.exec(authorization) ?? [];
    return timingSafeEqual(digest(Buffer.from(token, 'base64').toString()), this.expected);
  }
}
