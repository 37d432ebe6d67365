import { type DynamicModule, Module } from '@nestjs/common';
import { AppModule } from '../app.module.js';
import { BillingModule } from '../billing/billing.module.js';
import type { Env } from '../config/env.js';
import { MessagesModule } from '../messages/messages.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { RetentionModule } from '../retention/retention.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { UsersModule } from '../users/users.module.js';
import { PersonReport } from './person-report.js';
import { ReplyRequeue } from './reply-requeue.js';

/** What the commands of operators work with: the application as it is, and what only they do. */
@Module({})
export class AdminModule {
  static with(env: Env): DynamicModule {
    return {
      module: AdminModule,
      imports: [
        AppModule.with(env),
        UsersModule,
        SessionsModule,
        QuotaModule,
        MessagesModule,
        BillingModule,
        RetentionModule,
      ],
      providers: [PersonReport, ReplyRequeue],
    };
  }
}
