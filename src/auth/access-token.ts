import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Env } from '../config/env.js';

/** What an access token says (RFC 7519): whose it is, at which token version, and that it is one. */
export interface AccessTokenClaims {
  sub: string;
  ver: number;
  typ: string;
}

/** Its `typ`: tokens made for something else are none, whoever signed them. */
export const TOKEN_TYPE = 'access';

export const TOKEN_ALGORITHM = 'HS256';
export const TOKEN_ISSUER = 'chat-backend';
export const TOKEN_AUDIENCE = 'chat-api';

/** As a KeyObject: given a string, jsonwebtoken tries at every request to read it as a public key first, 40 times slower. */
export function tokenKey(env: Env): KeyObject {
  return createSecretKey(Buffer.from(env.JWT_SECRET));
}
