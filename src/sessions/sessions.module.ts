import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { UsersModule } from '../users/users.module.js';
import { AccessTokens } from './access-tokens.js';
import { LiveSessions } from './live-sessions.js';
import { Session } from './session.entity.js';
import { SessionsController } from './sessions.controller.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Session]), JwtModule, AuditModule, UsersModule],
  controllers: [SessionsController],
  providers: [SessionsService, SessionsRepository, LiveSessions, AccessTokens],
  exports: [SessionsService, SessionsRepository, LiveSessions, AccessTokens],
})
export class SessionsModule {}
