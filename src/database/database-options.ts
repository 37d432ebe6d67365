import type { DataSourceOptions } from 'typeorm';
import { AccountDeletion } from '../accounts/account-deletion.entity.js';
import { AuthEvent } from '../audit/auth-event.entity.js';
import { DuplicateSubscription } from '../billing/duplicate-subscription.entity.js';
import { StripeEvent } from '../billing/stripe-event.entity.js';
import { Subscription } from '../billing/subscription.entity.js';
import { Chatroom } from '../chatrooms/chatroom.entity.js';
import { IdempotencyKey } from '../idempotency/idempotency-key.entity.js';
import { Message } from '../messages/message.entity.js';
import { PromptCharge } from '../quota/prompt-charge.entity.js';
import { Session } from '../sessions/session.entity.js';
import { User } from '../users/user.entity.js';

const CONNECT_TIMEOUT_MS = 3000;
const STATEMENT_TIMEOUT_MS = 15_000;

/** What the application and the migration commands share. The schema changes by migrations alone. */
export function databaseOptions(url: string, poolSize: number): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    poolSize,
    entities: [
      User,
      Session,
      AuthEvent,
      Chatroom,
      Message,
      PromptCharge,
      IdempotencyKey,
      Subscription,
      DuplicateSubscription,
      StripeEvent,
      AccountDeletion,
    ],
    synchronize: false,
    logging: false,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    extra: { query_timeout: STATEMENT_TIMEOUT_MS },
  };
}
