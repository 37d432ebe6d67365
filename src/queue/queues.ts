import type { OtpUse } from '../common/otp-purpose.js';
import type { Tier } from '../users/user.entity.js';

/** Queue names and what their jobs carry: ids only, the truth is elsewhere. */
export const REPLY_QUEUE = 'replies';
export const STRIPE_EVENT_QUEUE = 'stripe-events';
/** Its jobs carry nothing: a run compares everybody. */
export const STRIPE_RECONCILE_QUEUE = 'stripe-reconcile';
export const TITLE_QUEUE = 'titles';
export const OTP_DELIVERY_QUEUE = 'otp-deliveries';
export const ACCOUNT_DELETION_QUEUE = 'account-deletions';

/** Every queue there is. */
export const QUEUES = [
  REPLY_QUEUE,
  TITLE_QUEUE,
  OTP_DELIVERY_QUEUE,
  STRIPE_EVENT_QUEUE,
  STRIPE_RECONCILE_QUEUE,
  ACCOUNT_DELETION_QUEUE,
] as const;

export type QueueName = (typeof QUEUES)[number];

/** A reply that is owed. The job's id is the reply's. */
export interface ReplyJob {
  userId: string;
  replyId: string;
}

/** A room that has no title after an exchange. The job's id is the room's. */
export interface TitleJob {
  userId: string;
  chatroomId: string;
}

/** A reply that is to be queued. The tier decides its place; the job does not carry it. */
export interface OwedReply extends ReplyJob {
  tier: Tier;
}

/** A stored webhook event that is to be acted on. The job's id is the event's. */
export interface StripeEventJob {
  eventId: string;
}

/** A one-time code that is to be sent. The code is not here: who has the server's key makes it from these. */
export interface OtpDeliveryJob extends OtpUse {
  /** The code's, and the job's. */
  id: string;
  /** Who asked for it: what a failed delivery is given back to. */
  address: string;
  /** Set once a try ended without saying whether the message was sent. */
  mayBeSent?: true;
}

/** An account that is to be removed. The job's id is made from the person's. */
export interface AccountDeletionJob {
  userId: string;
}
