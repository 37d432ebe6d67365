import { Integer } from './rules.js';
import { StripeSettings } from './stripe-settings.js';

/** How long things are kept. A part of Env. */
export class RetentionSettings extends StripeSettings {
  /** How often what is past its time is deleted, ms. */
  @Integer(100, 86_400_000)
  PRUNE_INTERVAL_MS = 60_000;

  /** How long the record of sign-ins and the like is kept, days. */
  @Integer(1, 3650)
  AUTH_EVENT_RETENTION_DAYS = 180;

  /**
   * How long it is kept which prompts were charged, days. Only the day that is going on decides anything; two, so that
   * none goes while a clock is off or a reply is late.
   */
  @Integer(2, 3650)
  PROMPT_CHARGE_RETENTION_DAYS = 90;

  /** How long webhook events are kept that were acted on, days. Stripe delivers again for three, and lists 30. */
  @Integer(3, 3650)
  STRIPE_EVENT_RETENTION_DAYS = 30;

  /** How long webhook events are kept that were given up, for `npm run admin -- replay-webhooks`, days. */
  @Integer(3, 3650)
  STRIPE_FAILED_EVENT_RETENTION_DAYS = 180;
}
