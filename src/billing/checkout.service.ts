import { Injectable } from '@nestjs/common';
import { AppError, type ProblemCode } from '../common/app-error.js';
import { Env } from '../config/env.js';
import { tierAt } from '../users/user.entity.js';
import { UsersService } from '../users/users.service.js';
import { Customers } from './customers.service.js';
import type { CheckoutRequest, Interval } from './dto/checkout.request.js';
import { CheckoutResponse } from './dto/checkout.response.js';
import { CheckoutStatusResponse } from './dto/checkout-status.response.js';
import { isUnfinished } from './entitlement.js';
import { StripeMissing } from './stripe/stripe-api.js';
import {
  type CheckoutOffer,
  type CheckoutSession,
  StripeCheckoutClient,
} from './stripe/stripe-checkout.client.js';
import { type Synced, SubscriptionSync } from './subscription-sync.service.js';

/** A session that ends sooner is replaced: people need time to find their card. */
const SHORTEST_LIFE_MS = 900_000;
/** How often a session may turn out to have been paid or expired while we looked. */
const LOOKS = 3;

type Decision = { session: CheckoutSession } | { refusal: ProblemCode } | 'look again';

@Injectable()
export class CheckoutService {
  constructor(
    private readonly env: Env,
    private readonly users: UsersService,
    private readonly customers: Customers,
    private readonly sync: SubscriptionSync,
    private readonly checkouts: StripeCheckoutClient,
  ) {}

  /** Decided while nobody else can check out for this person, and after Stripe has been asked: nobody pays twice. */
  async open(userId: string, { interval }: CheckoutRequest): Promise<CheckoutResponse> {
    const priceId = this.priceOf(interval);
    for (let look = 0; look < LOOKS; look += 1) {
      const decision = await this.customers.orAnew(userId, () =>
        this.sync.withFresh(userId, (synced) => this.decide(userId, priceId, synced)),
      );
      if (decision === null || decision === 'look again') continue;
      if ('refusal' in decision) throw new AppError(decision.refusal, { detail: DETAIL[decision.refusal] });
      return CheckoutResponse.from(decision.session);
    }
    throw new AppError('PAYMENT_PROVIDER_UNAVAILABLE', {
      detail: 'You were not charged. Try again in a moment.',
    });
  }

  /** What became of a session, by Stripe's word of this moment, so that nobody has to wait for a webhook. */
  async find(userId: string, sessionId: string): Promise<CheckoutStatusResponse> {
    const session = await this.checkouts.find(sessionId);
    if (session?.userId !== userId) throw new AppError('CHECKOUT_NOT_FOUND');
    if (session.status === 'complete') await this.sync.sync({ userId });
    return CheckoutStatusResponse.from(session, tierAt(await this.users.load(userId), new Date()));
  }

  private async decide(userId: string, priceId: string, synced: Synced): Promise<Decision> {
    const { held, subscription, entitlement, customerIsGone } = synced;
    const { stripeCustomerId: customerId, firstSubscribedAt } = held.row;
    if (customerIsGone) throw new StripeMissing('customer', { cause: customerId });
    if (tierAt({ tier: entitlement.tier, tierUntil: entitlement.until }, new Date()) === 'pro') {
      return { refusal: 'ALREADY_PRO' };
    }
    // Paying what is owed would bring that one back, beside the new one.
    if (subscription !== undefined && isUnfinished(subscription)) {
      return { refusal: 'PAYMENT_DUE' };
    }
    const trialDays = firstSubscribedAt === null ? this.env.STRIPE_TRIAL_DAYS : 0;
    return this.reuseOrOpen({ customerId, userId, priceId, trialDays });
  }

  /** One session can be paid on at a time: that of another price is ended first. */
  private async reuseOrOpen(offer: CheckoutOffer): Promise<Decision> {
    const known = await this.checkouts.list(offer.customerId);
    const terms = this.checkouts.termsOf(offer);
    const latestEnd = Date.now() + SHORTEST_LIFE_MS;
    const open = known.filter(({ status }) => status === 'open');
    const reused = open.find((each) => each.terms === terms && each.expiresAt.getTime() > latestEnd);
    for (const { id } of open.filter((each) => each !== reused)) {
      if (!(await this.checkouts.expire(id))) return 'look again';
    }
    return { session: reused ?? (await this.checkouts.open(offer, known[0]?.id)) };
  }

  private priceOf(interval: Interval): string {
    const priceId = interval === 'year' ? this.env.STRIPE_PRO_YEARLY_PRICE_ID : this.env.STRIPE_PRO_PRICE_ID;
    if (priceId !== undefined) return priceId;
    throw new AppError('VALIDATION_FAILED', {
      errors: [{ path: 'interval', message: 'Pro is not sold by the year here' }],
    });
  }
}

const DETAIL: Partial<Record<ProblemCode, string>> = {
  ALREADY_PRO: 'Manage your subscription with POST /v1/billing/portal.',
  PAYMENT_DUE: 'Pay it with POST /v1/billing/portal; a second subscription would be charged beside it.',
};
