import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { UsersModule } from '../users/users.module.js';
import { AuthEvent } from './auth-event.entity.js';
import { AuthEventsController } from './auth-events.controller.js';
import { AuthEvents } from './auth-events.js';
import { AuthEventsRepository } from './auth-events.repository.js';

@Module({
  imports: [TypeOrmModule.forFeature([AuthEvent]), UsersModule],
  controllers: [AuthEventsController],
  providers: [AuthEvents, AuthEventsRepository],
  exports: [AuthEvents, AuthEventsRepository],
})
export class AuditModule {}
