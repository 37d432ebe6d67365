/** Queue names and what their jobs carry: ids only, the truth is in Postgres. */
export const REPLY_QUEUE = 'replies';
export const STRIPE_EVENT_QUEUE = 'stripe-events';
export const TITLE_QUEUE = 'titles';

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

/** A stored webhook event that is to be acted on. The job's id is the event's. */
export interface StripeEventJob {
  eventId: string;
}
