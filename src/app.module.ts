import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { ThrottlerModule } from '@nestjs/throttler';
import { AccountsModule, AccountsWorkerModule } from './accounts/accounts.module.js';
import { AuditModule } from './audit/audit.module.js';
import { AdmissionGuard } from './auth/admission.guard.js';
import { AuthModule } from './auth/auth.module.js';
import { JwtAuthGuard } from './auth/jwt-auth.guard.js';
import { BillingModule, BillingWorkerModule } from './billing/billing.module.js';
import { ChatroomsModule } from './chatrooms/chatrooms.module.js';
import { CommonModule } from './common/common.module.js';
import { ProblemFilter } from './common/problem.filter.js';
import { RequestValidationPipe } from './common/request-validation.pipe.js';
import { IpThrottlerGuard, throttlingOptions, UserThrottlerGuard } from './common/throttling.js';
import { ConfigModule } from './config/config.module.js';
import { Env } from './config/env.js';
import { DatabaseModule } from './database/database.module.js';
import { ExportModule } from './export/export.module.js';
import { GeminiModule } from './gemini/gemini.module.js';
import { IdempotencyModule } from './idempotency/idempotency.module.js';
import { MessagesModule } from './messages/messages.module.js';
import { OpsModule } from './ops/ops.module.js';
import { OtpWorkerModule } from './otp/otp.module.js';
import { QuotaModule } from './quota/quota.module.js';
import type { RedisClient } from './redis/redis-client.js';
import { REDIS, RedisModule } from './redis/redis.module.js';
import { RetentionWorkerModule } from './retention/retention.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { TracingModule } from './tracing/tracing.module.js';
import { UsersModule } from './users/users.module.js';

const API_MODULES = [
  AuthModule,
  SessionsModule,
  AuditModule,
  UsersModule,
  AccountsModule,
  ChatroomsModule,
  MessagesModule,
  QuotaModule,
  BillingModule,
  IdempotencyModule,
  ExportModule,
  OpsModule,
  TracingModule,
];

/** The composition root: which modules a role of the process is made of, and what holds for all of them. */
@Module({})
export class AppModule {
  static with(env: Env): DynamicModule {
    const worksQueues = env.PROCESS_ROLE !== 'api';
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(env),
        CommonModule,
        DatabaseModule,
        RedisModule,
        ThrottlerModule.forRootAsync({
          inject: [Env, REDIS],
          useFactory: (settings: Env, redis: RedisClient) => throttlingOptions(settings, redis),
        }),
        ...API_MODULES,
        ...(worksQueues
          ? [
              GeminiModule.with(env),
              BillingWorkerModule.with(env),
              OtpWorkerModule.with(env),
              AccountsWorkerModule.with(env),
              RetentionWorkerModule,
            ]
          : []),
      ],
      providers: [
        IpThrottlerGuard,
        JwtAuthGuard,
        UserThrottlerGuard,
        { provide: APP_GUARD, useClass: AdmissionGuard },
        { provide: APP_PIPE, useClass: RequestValidationPipe },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
