import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { plainAddress } from './address-block.js';

/** Longer than what browsers and HTTP libraries send; anybody can send 16 kB. */
const USER_AGENT_LENGTH_MAX = 255;

/** Who is at the other end of a request, as far as it can be seen: a claim, to be shown and compared, never a proof. */
export class Client {
  constructor(
    /** Behind a proxy only right with TRUSTED_PROXIES. */
    readonly ip: string,
    /** At most 255 printable characters; null where none is sent. */
    readonly userAgent: string | null,
  ) {}

  static of({ ip, headers }: Pick<FastifyRequest, 'headers'> & { ip?: string | undefined }): Client {
    const userAgent = (headers['user-agent'] ?? '').replaceAll(/\p{C}/gu, '').trim();
    // A connection that is gone already has no address.
    return new Client(plainAddress(ip ?? 'unknown'), userAgent.slice(0, USER_AGENT_LENGTH_MAX) || null);
  }

  /** Tells one client from another: a hash of address and user agent. A hint, to be used beside a proof. */
  get fingerprint(): string {
    return createHash('sha256')
      .update(`${this.ip}\0${this.userAgent ?? ''}`)
      .digest('base64url');
  }
}

export const CurrentClient = createParamDecorator((_data: unknown, context: ExecutionContext): Client =>
  Client.of(context.switchToHttp().getRequest()),
);
