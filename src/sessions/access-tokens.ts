import { createSecretKey, type KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { deriveKey } from '../common/derived-key.js';
import { Env } from '../config/env.js';

/** What an access token says (RFC 7519): whose it is, of which session, and that it is one. */
export interface AccessTokenClaims {
  sub: string;
  sid: string;
  typ: string;
}

/** Its `typ`: tokens made for something else are none, whoever signed them. */
export const TOKEN_TYPE = 'access';

export const TOKEN_ALGORITHM = 'HS256';
export const TOKEN_ISSUER = 'chat-backend';
export const TOKEN_AUDIENCE = 'chat-api';

const KID_BYTES = 8;

/** Signs access tokens with the newest secret, and finds the secret that one was signed with. */
@Injectable()
export class AccessTokens {
  /** As KeyObjects: given a string, jsonwebtoken tries at every request to read it as a public key first, 40 times slower. */
  private readonly keys: Map<string, KeyObject>;
  private readonly newest: { keyid: string; secret: KeyObject };

  constructor(
    env: Env,
    private readonly jwt: JwtService,
  ) {
    this.keys = new Map(env.JWT_SECRET.map((secret) => [kidOf(secret), keyOf(secret)]));
    const [secret] = env.JWT_SECRET;
    this.newest = { keyid: kidOf(secret), secret: keyOf(secret) };
  }

  sign(userId: string, sessionId: string, expiresIn: number): Promise<string> {
    const claims: AccessTokenClaims = { sub: userId, sid: sessionId, typ: TOKEN_TYPE };
    return this.jwt.signAsync(
      { ...claims },
      {
        keyid: this.newest.keyid,
        secret: this.newest.secret as unknown as Buffer,
        algorithm: TOKEN_ALGORITHM,
        issuer: TOKEN_ISSUER,
        audience: TOKEN_AUDIENCE,
        expiresIn,
      },
    );
  }

  /** The key that a token names in its header. Null: no token of ours, or of a secret that is not listed any more. */
  keyOf(token: string): KeyObject | null {
    try {
      const [header = ''] = token.split('.', 1);
      const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid?: unknown };
      return typeof kid === 'string' ? (this.keys.get(kid) ?? null) : null;
    } catch {
      return null;
    }
  }
}

const keyOf = (secret: string): KeyObject => createSecretKey(Buffer.from(secret));

/** Says which of the secrets it is, and nothing about it. */
const kidOf = (secret: string): string =>
  deriveKey([secret], 'kid').subarray(0, KID_BYTES).toString('base64url');
