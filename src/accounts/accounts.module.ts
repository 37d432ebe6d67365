import { Processor } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthModule } from '../auth/auth.module.js';
import { BillingModule } from '../billing/billing.module.js';
import type { Env } from '../config/env.js';
import { OtpModule } from '../otp/otp.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { QueueModule } from '../queue/queue.module.js';
import { ACCOUNT_DELETION_QUEUE } from '../queue/queues.js';
import { workerOptions } from '../queue/worker-options.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { StreamingModule } from '../streaming/streaming.module.js';
import { UsersModule } from '../users/users.module.js';
import { AbandonedReplies } from './abandoned-replies.js';
import { AccountDeletion } from './account-deletion.entity.js';
import { AccountDeletionProcessor } from './account-deletion.processor.js';
import { AccountDeletionService } from './account-deletion.service.js';
import { AccountDeletionSweeper } from './account-deletion-sweeper.js';
import { AccountDeletionsRepository } from './account-deletions.repository.js';
import { AccountRemoval } from './account-removal.js';
import { AccountRowsRepository } from './account-rows.repository.js';
import { AccountTraces } from './account-traces.js';
import { AccountsController } from './accounts.controller.js';
import { DeletionStart } from './deletion-start.js';
import { GivenUpNumber } from './given-up-number.js';
import { NumberChangeService } from './number-change.service.js';

/** Accounts removed at once by one process: each keeps a database connection busy. */
const REMOVAL_CONCURRENCY = 2;

@Module({
  imports: [
    TypeOrmModule.forFeature([AccountDeletion]),
    AuthModule,
    OtpModule,
    PasswordsModule,
    SessionsModule,
    UsersModule,
    QueueModule,
    StreamingModule,
  ],
  controllers: [AccountsController],
  providers: [
    NumberChangeService,
    AccountDeletionService,
    AccountDeletionsRepository,
    AccountRowsRepository,
    AbandonedReplies,
    DeletionStart,
    GivenUpNumber,
  ],
  exports: [AccountDeletionsRepository, AccountRowsRepository, AbandonedReplies],
})
export class AccountsModule {}

/** The worker that removes accounts, for the roles that work the queue. */
@Module({})
export class AccountsWorkerModule {
  static with(env: Env): DynamicModule {
    // As in GeminiModule: the worker's options are settings.
    Processor(ACCOUNT_DELETION_QUEUE, workerOptions(env, REMOVAL_CONCURRENCY))(AccountDeletionProcessor);
    return {
      module: AccountsWorkerModule,
      imports: [AccountsModule, BillingModule, QueueModule],
      providers: [AccountDeletionProcessor, AccountDeletionSweeper, AccountRemoval, AccountTraces],
    };
  }
}
