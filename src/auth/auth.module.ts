import { Module } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import { AuditModule } from '../audit/audit.module.js';
import { OtpModule } from '../otp/otp.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { UsersModule } from '../users/users.module.js';
import { Admission } from './admission.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { CodesService } from './codes.service.js';
import { JwtStrategy } from './jwt.strategy.js';
import { PendingSignups } from './pending-signups.js';
import { VerificationService } from './verification.service.js';

@Module({
  imports: [UsersModule, OtpModule, PasswordsModule, PassportModule, SessionsModule, AuditModule],
  controllers: [AuthController],
  providers: [AuthService, VerificationService, CodesService, PendingSignups, Admission, JwtStrategy],
  exports: [CodesService, PendingSignups, JwtStrategy],
})
export class AuthModule {}
