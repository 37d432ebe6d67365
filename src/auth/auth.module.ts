import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { PassportModule } from '@nestjs/passport';
import { Env } from '../config/env.js';
import { UsersModule } from '../users/users.module.js';
import { TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER, tokenKey } from './access-token.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { JwtStrategy } from './jwt.strategy.js';
import { OtpDelivery } from './otp-delivery.js';
import { OtpService } from './otp.service.js';
import { Passwords } from './passwords.js';
import { PendingSignups } from './pending-signups.js';
import { TokenVersions } from './token-versions.js';
import { VerificationService } from './verification.service.js';

@Module({
  imports: [
    UsersModule,
    PassportModule,
    JwtModule.registerAsync({
      inject: [Env],
      useFactory: (env: Env) => ({
        secret: tokenKey(env),
        signOptions: {
          algorithm: TOKEN_ALGORITHM,
          issuer: TOKEN_ISSUER,
          audience: TOKEN_AUDIENCE,
          expiresIn: env.JWT_TTL_SECONDS,
        },
      }),
    }),
  ],
  controllers: [AuthController],
  providers: [
    AuthService,
    VerificationService,
    OtpService,
    OtpDelivery,
    Passwords,
    PendingSignups,
    TokenVersions,
    JwtStrategy,
  ],
})
export class AuthModule {}
