import { Injectable } from '@nestjs/common';
import { AppError, type ProblemCode } from '../common/app-error.js';
import type { PageQuery } from '../common/page.request.js';
import { Cursors } from '../common/pagination.js';
import { UsersService } from '../users/users.service.js';
import { type InvoicePage, InvoiceResponse } from './dto/invoice.response.js';
import type { PortalResponse } from './dto/portal.response.js';
import { SubscriptionResponse } from './dto/subscription.response.js';
import { StripeMissing } from './stripe/stripe-api.js';
import { StripeCheckoutClient } from './stripe/stripe-checkout.client.js';
import { StripeInvoicesClient } from './stripe/stripe-invoices.client.js';
import { SubscriptionsRepository } from './subscriptions.repository.js';

/** What a person sees of what they pay. */
@Injectable()
export class BillingService {
  constructor(
    private readonly users: UsersService,
    private readonly subscriptions: SubscriptionsRepository,
    private readonly pages: StripeCheckoutClient,
    private readonly stripeInvoices: StripeInvoicesClient,
    private readonly cursors: Cursors,
  ) {}

  async subscription(userId: string): Promise<SubscriptionResponse> {
    const [subscription, user] = (await this.subscriptions.findWithPerson(userId)) ?? [
      null,
      await this.users.load(userId),
    ];
    return SubscriptionResponse.from(user, subscription);
  }

  async portal(userId: string): Promise<PortalResponse> {
    const known = await this.subscriptions.find(userId);
    if (known === null) throw new AppError('BILLING_ACCOUNT_NOT_FOUND');
    return orMissing('BILLING_ACCOUNT_NOT_FOUND', async () => ({
      url: await this.pages.openPortal(known.stripeCustomerId),
    }));
  }

  /** Pages of ours over pages of Stripe's: a cursor is the last invoice, and is good for this person alone. */
  async invoices(userId: string, { cursor, limit }: PageQuery): Promise<InvoicePage> {
    const list = `invoices:${userId}`;
    const after = cursor === undefined ? undefined : this.cursors.decode(list, cursor)[0];
    const known = await this.subscriptions.find(userId);
    if (known === null) return { data: [], nextCursor: null };
    return orMissing('BILLING_ACCOUNT_NOT_FOUND', async () => {
      const { invoices, last } = await this.stripeInvoices.list(known.stripeCustomerId, limit, after);
      return {
        data: invoices.map((invoice) => InvoiceResponse.from(invoice)),
        nextCursor: last === null ? null : this.cursors.encode(list, [last]),
      };
    });
  }
}

/** Where the customer is gone from Stripe, there is nothing to show until the next checkout makes a new one. */
async function orMissing<T>(code: ProblemCode, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StripeMissing) throw new AppError(code, { cause: error });
    throw error;
  }
}
