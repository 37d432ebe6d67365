import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Stripe } from 'stripe';
import { type Failure, StripeApi } from './api/stripe-api.js';
import { readRequest, type Request, write } from './http.js';
import { hostedPageUrl } from './objects/checkout-session.js';
import { makeProPrice } from './objects/price.js';
import { answerPage } from './pages/stripe-pages.js';
import { Store } from './store.js';
import { StripeAccount } from './stripe-account.js';
import { WebhookSender } from './webhook-sender.js';

export interface SimulatedStripeOptions {
  /** 0, the default, takes any free port. Only 127.0.0.1 is bound. */
  port?: number;
  /** What the app is given as its Stripe key; other keys get 401. */
  secretKey: string;
  /** Where events are POSTed; a function when the app's port is not known yet. */
  webhookUrl: string | (() => string);
  /** `whsec_...`, signs the events. */
  webhookSecret: string;
  /** The id of the one price there is: 9.99 USD a month. */
  proPriceId: string;
  /** Keeps what was created in this JSON file, and sends the events that the app never took when started again. */
  dataFile?: string;
}

export interface SimulatedStripe {
  /** `http://127.0.0.1:PORT`: the API, the hosted payment pages and, at `/`, the subscriptions. */
  url: string;
  /** Stops listening and sending; what the app has not taken yet stays unsent. */
  close(): Promise<void>;
  /** All events made, in order, also those that are held or were never taken. */
  events: readonly Stripe.Event[];
  /** Sends an event (again) now, even while held. Resolves with the app's HTTP status; rejects when nobody answers. */
  deliver(eventId: string): Promise<number>;
  /** While held, events are made but not sent. Releasing sends what was held, in order. */
  holdWebhooks(hold: boolean): void;
  /**
   * Makes the next `times` API requests whose path (`/v1/customers`) matches fail. Each try of the SDK counts, and it
   * tries three times by default after a status of 409 or 5xx.
   */
  fail(next: Failure): void;
  /** As if a person had cancelled at once in the dashboard. Throws when there is no such subscription, or it has ended. */
  cancelSubscription(id: string): void;
}

/** A stand-in for Stripe that the real SDK talks to over HTTP: `new Stripe(key, { protocol: 'http', host, port })`. */
export async function startSimulatedStripe(options: SimulatedStripeOptions): Promise<SimulatedStripe> {
  const store = new Store(options.dataFile);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const { session } of store.orders.values()) {
    if (session.status === 'open') session.url = hostedPageUrl(url, session.id);
  }

  const webhooks = new WebhookSender({
    url: options.webhookUrl,
    secret: options.webhookSecret,
    onTaken: () => {
      store.save();
    },
  });
  const account = new StripeAccount(store, makeProPrice(options.proPriceId), url, (event) => {
    webhooks.enqueue(event);
  });
  const api = new StripeApi(account, options.secretKey);
  const answer = (request: Request) =>
    request.pathname.startsWith('/v1/') ? api.answer(request) : answerPage(account, request);

  server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    readRequest(incoming)
      .then((request) => {
        const answered = answer(request);
        if (request.method !== 'GET') store.save();
        write(response, answered);
      })
      .catch((error: unknown) => {
        const message = `The simulated Stripe broke: ${String(error)}`;
        const body = JSON.stringify({ error: { type: 'api_error', message } });
        write(response, { status: 500, headers: { 'content-type': 'application/json' }, body });
      });
  });
  for (const event of store.events) if (event.pending_webhooks > 0) webhooks.enqueue(event);

  return {
    url,
    events: store.events,
    close: async () => {
      webhooks.stop();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    deliver: async (eventId) => {
      const event = store.events.find(({ id }) => id === eventId);
      if (!event) throw new Error(`The simulated Stripe has made no event '${eventId}'`);
      return webhooks.send(event);
    },
    holdWebhooks: (hold) => {
      webhooks.hold(hold);
    },
    fail: (next) => {
      api.fail(next);
    },
    cancelSubscription: (id) => {
      account.cancelSubscription(account.getSubscription(id));
      store.save();
    },
  };
}
