import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { AppError } from '../common/app-error.js';
import { Env } from '../config/env.js';
import {
  type AccessTokenClaims,
  TOKEN_ALGORITHM,
  TOKEN_AUDIENCE,
  TOKEN_ISSUER,
  TOKEN_TYPE,
  tokenKey,
} from './access-token.js';
import { TokenVersions } from './token-versions.js';

/** Signature, algorithm, issuer, audience and expiry are checked before `validate` sees the claims. */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(
    env: Env,
    private readonly versions: TokenVersions,
  ) {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKey: tokenKey(env) as unknown as Buffer,
      algorithms: [TOKEN_ALGORITHM],
      issuer: TOKEN_ISSUER,
      audience: TOKEN_AUDIENCE,
    });
  }

  async validate(claims: AccessTokenClaims): Promise<{ id: string }> {
    if (claims.typ !== TOKEN_TYPE || claims.ver !== (await this.versions.current(claims.sub))) {
      throw new AppError('UNAUTHENTICATED', { detail: 'The access token has been ended. Sign in again.' });
    }
    return { id: claims.sub };
  }
}
