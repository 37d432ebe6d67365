import { Injectable } from '@nestjs/common';
import type { Stripe } from 'stripe';
import { AppError } from '../../common/app-error.js';
import { Env } from '../../config/env.js';
import { StripeApi } from './stripe-api.js';

/** A webhook event whose signature holds: whom it concerns is all that is taken from it. */
export interface VerifiedEvent {
  id: string;
  type: string;
  customerId: string | null;
  /** When Stripe made it; null where it does not say. */
  createdAt: Date | null;
}

/** Proves that a webhook comes from Stripe, recently. */
@Injectable()
export class StripeWebhooks {
  constructor(
    private readonly env: Env,
    private readonly api: StripeApi,
  ) {}

  /**
   * @param rawBody exactly the bytes that came
   * @throws AppError WEBHOOK_SIGNATURE_INVALID
   */
  async verify(rawBody: Buffer, signature: string): Promise<VerifiedEvent> {
    this.refuseFuture(signature);
    const webhooks = await this.api.webhooks();
    let refusal: unknown;
    for (const secret of this.env.STRIPE_WEBHOOK_SECRET) {
      try {
        return toEvent(
          webhooks.constructEvent(rawBody, signature, secret, this.env.STRIPE_WEBHOOK_TOLERANCE_SECONDS),
        );
      } catch (error) {
        refusal = error;
      }
    }
    throw new AppError('WEBHOOK_SIGNATURE_INVALID', { cause: refusal });
  }

  /** The SDK refuses the old alone; one that is dated ahead could be sent again for as long. */
  private refuseFuture(signature: string): void {
    const seconds = Number(/(?:^|,)t=(\d+)/.exec(signature)?.[1] ?? 0);
    if (seconds - Date.now() / 1000 > this.env.STRIPE_WEBHOOK_TOLERANCE_SECONDS) {
      throw new AppError('WEBHOOK_SIGNATURE_INVALID');
    }
  }
}

function toEvent({ id, type, data, created }: Stripe.Event): VerifiedEvent {
  return {
    id,
    type,
    customerId: customerOf(data.object),
    createdAt: Number.isFinite(created) ? new Date(created * 1000) : null,
  };
}

/** The customer that an event's object belongs to, for the kinds of objects that have one. */
function customerOf(object: object): string | null {
  if ('object' in object && object.object === 'customer' && 'id' in object) return String(object.id);
  if (!('customer' in object)) return null;
  const { customer } = object;
  if (typeof customer === 'string') return customer;
  return typeof customer === 'object' && customer !== null && 'id' in customer ? String(customer.id) : null;
}
