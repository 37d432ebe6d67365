import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { AppError } from '../common/app-error.js';
import { Env } from '../config/env.js';
import type { User } from '../users/user.entity.js';
import { UsersRepository } from '../users/users.repository.js';
import { type AccessTokenClaims, TOKEN_TYPE } from './access-token.js';
import { SessionResponse } from './dto/session.response.js';
import { Passwords } from './passwords.js';
import { TokenVersions } from './token-versions.js';

/** Passwords, and the access tokens that every way of signing in ends with. */
@Injectable()
export class AuthService {
  constructor(
    private readonly users: UsersRepository,
    private readonly passwords: Passwords,
    private readonly versions: TokenVersions,
    private readonly jwt: JwtService,
    private readonly env: Env,
  ) {}

  /** One answer, after the same time, for a wrong password, an account without one and an unknown number. */
  async login(mobile: string, password: string): Promise<SessionResponse> {
    const user = await this.users.findByMobile(mobile);
    const matches = await this.passwords.matches(user?.passwordHash ?? null, password);
    if (user === null || !matches) throw new AppError('INVALID_CREDENTIALS');
    return this.openSession(user);
  }

  /** Who has no password yet sets the first one without a current one. */
  async changePassword(userId: string, current: string | null, next: string): Promise<SessionResponse> {
    const user = await this.users.findById(userId);
    if (user === null) throw new AppError('UNAUTHENTICATED');
    if (user.passwordHash !== null && !(await this.passwords.matches(user.passwordHash, current ?? ''))) {
      throw new AppError('WRONG_PASSWORD');
    }
    return this.setPassword(userId, next);
  }

  /** Ends every earlier access token; the caller goes on with the one in the answer. */
  async setPassword(userId: string, password: string): Promise<SessionResponse> {
    const passwordHash = await this.passwords.hash(password);
    await this.versions.aboutToRise(userId);
    return this.openSession(await this.users.setPassword(userId, passwordHash));
  }

  async openSession(user: User): Promise<SessionResponse> {
    const claims: AccessTokenClaims = { sub: user.id, ver: user.tokenVersion, typ: TOKEN_TYPE };
    return SessionResponse.from(await this.jwt.signAsync({ ...claims }), this.env.JWT_TTL_SECONDS, user);
  }
}
