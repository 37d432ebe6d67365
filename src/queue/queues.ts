/** Queue names and what their jobs carry: ids only, the truth is in Postgres. */
export const REPLY_QUEUE = 'replies';
export const STRIPE_EVENT_QUEUE = 'stripe-events';

/** A reply that is owed. The job's id is the reply's. */
export interface ReplyJob {
  userId: string;
  replyId: string;
}

/** A stored webhook event that is to be acted on. The job's id is the event's. */
export interface StripeEventJob {
  eventId: string;
}
