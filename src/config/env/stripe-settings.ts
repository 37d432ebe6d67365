import { ArrayNotEmpty, IsArray, IsNotEmpty, IsOptional, IsString, IsUrl } from 'class-validator';
import { OtpSettings } from './otp-settings.js';
import { Flag, Integer, List, URL_OPTIONS } from './rules.js';

/** What Pro costs, and how we deal with Stripe. A part of Env. */
export class StripeSettings extends OtpSettings {
  @IsString()
  @IsNotEmpty()
  STRIPE_SECRET_KEY!: string;

  /**
   * The recurring price that Pro costs, a month. Whoever pays another price of the same product is Pro, too: so a price
   * can be replaced, and who subscribed at the old one keeps it.
   */
  @IsString()
  @IsNotEmpty()
  STRIPE_PRO_PRICE_ID!: string;

  /** The price of a year of Pro; without it Pro is sold by the month alone. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  STRIPE_PRO_YEARLY_PRICE_ID?: string;

  /** Signing secrets of the webhook endpoint, comma-separated: the new and the old one while they are rotated. */
  @List()
  @IsArray()
  @ArrayNotEmpty()
  @IsNotEmpty({ each: true })
  STRIPE_WEBHOOK_SECRET!: string[];

  /** Age at which a signed webhook is refused, seconds (Stripe recommends 300). It cannot be switched off. */
  @Integer(1, 3600)
  STRIPE_WEBHOOK_TOLERANCE_SECONDS = 300;

  @IsUrl({ ...URL_OPTIONS, protocols: ['http', 'https'] })
  STRIPE_API_BASE = 'https://api.stripe.com';

  /** Longest one try at a call to Stripe may take, ms; a call is tried three times. */
  @Integer(100, 80_000)
  STRIPE_TIMEOUT_MS = 10_000;

  /** Days before the first payment, for who never subscribed; 0: none (Stripe allows up to two years). */
  @Integer(0, 730)
  STRIPE_TRIAL_DAYS = 0;

  /** Whether Checkout asks for a promotion code. */
  @Flag()
  STRIPE_PROMOTION_CODES = false;

  /** Whether Stripe Tax works out the tax; to be set up in the account first. */
  @Flag()
  STRIPE_AUTOMATIC_TAX = false;

  /** How long Pro holds after a renewal could not be paid, days from when it became past due. */
  @Integer(0, 60)
  STRIPE_PAST_DUE_GRACE_DAYS = 14;

  /** Tries at one webhook event before it is kept as failed, for `npm run admin -- replay-webhooks`. */
  @Integer(1, 20)
  STRIPE_EVENT_MAX_ATTEMPTS = 12;

  /** First pause between two tries at an event, ms; doubles with each (12 tries are more than an hour). */
  @Integer(0, 60_000)
  STRIPE_EVENT_RETRY_BASE_MS = 1000;

  /** How often every customer is compared with Stripe, ms. */
  @Integer(1000, 86_400_000)
  STRIPE_RECONCILE_INTERVAL_MS = 3_600_000;
}
