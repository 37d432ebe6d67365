import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { AppError } from '../common/app-error.js';
import type { AuthenticatedRequest } from '../common/current-user.js';
import {
  AccessTokens,
  TOKEN_ALGORITHM,
  TOKEN_AUDIENCE,
  TOKEN_ISSUER,
  TOKEN_TYPE,
} from '../sessions/access-tokens.js';
import { Admission } from './admission.js';
import { type VerifiedClaims, VerifiedTokens } from './verified-tokens.js';

/** As ids of ours are written: another spelling of the same id would be another key in Redis. */
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const tokenOf = ExtractJwt.fromAuthHeaderAsBearerToken();

type Person = AuthenticatedRequest['user'];

/** Signature, algorithm, issuer, audience, beginning and expiry are checked before `validate` sees the claims. */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  private readonly verified = new VerifiedTokens();

  constructor(
    tokens: AccessTokens,
    private readonly admission: Admission,
  ) {
    super({
      jwtFromRequest: tokenOf,
      secretOrKeyProvider: (_request, token, done) => {
        const key = tokens.keyOf(token as string);
        if (key === null) done(new Error('no key of ours'));
        else done(null, key as unknown as Buffer);
      },
      algorithms: [TOKEN_ALGORITHM],
      issuer: TOKEN_ISSUER,
      audience: TOKEN_AUDIENCE,
      passReqToCallback: true,
    });
  }

  /** Whose request it is, where this process has verified its token before; else undefined, and passport is to be asked. */
  admitKnown(request: FastifyRequest): Promise<Person> | undefined {
    const token = tokenOf(request);
    const claims = token === null ? undefined : this.verified.find(token);
    return claims && this.admit(claims);
  }

  /** @param claims of a token that this server signed, or somebody who has its secret: of any shape */
  async validate(request: FastifyRequest, { sub, sid, typ, exp }: Record<string, unknown>): Promise<Person> {
    if (typ !== TOKEN_TYPE || typeof exp !== 'number' || !isId(sub) || !isId(sid)) {
      throw new AppError('UNAUTHENTICATED', { detail: 'The access token is not valid. Sign in again.' });
    }
    const claims = { userId: sub, sessionId: sid, expiresAt: exp };
    this.verified.remember(tokenOf(request) ?? '', claims);
    return this.admit(claims);
  }

  private async admit({ userId, sessionId }: VerifiedClaims): Promise<Person> {
    const { isLive, counted } = await this.admission.enter(userId, sessionId);
    if (!isLive) {
      throw new AppError('UNAUTHENTICATED', { detail: 'The session has ended. Sign in again.' });
    }
    return { id: userId, sessionId, ...(counted && { counted }) };
  }
}

const isId = (claim: unknown): claim is string => typeof claim === 'string' && ID.test(claim);
