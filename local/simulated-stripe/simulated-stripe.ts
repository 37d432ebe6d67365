import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ledger } from './account/ledger.js';
import { StripeAccount } from './account/stripe-account.js';
import type { Silence } from './api/faults.js';
import { StripeApi } from './api/stripe-api.js';
import { answerControl } from './control-api.js';
import { Control } from './control.js';
import { type Answer, readRequest, type Request, write } from './http.js';
import { hostedPageUrl } from './objects/checkout-session.js';
import { invoiceUrls } from './objects/invoice.js';
import { portalUrl } from './objects/portal-session.js';
import { makeProPrice } from './objects/price.js';
import { answerPage } from './pages/stripe-pages.js';
import { Store } from './store.js';
import { WebhookSender } from './webhook-sender.js';

const PRO_YEARLY_PRICE_ID = 'price_simulated_pro_yearly';

export interface SimulatedStripeOptions {
  /** 0, the default, takes any free port. Only 127.0.0.1 is bound. */
  port?: number;
  /** What the app is given as its Stripe key; other keys get 401. */
  secretKey: string;
  /** Where events are POSTed; a function when the app's port is not known yet. */
  webhookUrl: string | (() => string);
  /** `whsec_...`, signs the events. */
  webhookSecret: string;
  /** Multiplies the delays between the tries of a webhook: 100 ms, doubled each time. */
  webhookRetryFactor?: number;
  /** The id of the monthly price: 9.99 USD. */
  proPriceId: string;
  /** The id of the yearly price: 99.90 USD. */
  proYearlyPriceId?: string;
  /** Keeps what was created in this JSON file, and sends the events that the app never took when started again. */
  dataFile?: string;
}

export interface SimulatedStripe extends Control {
  /** `http://127.0.0.1:PORT`: the API, the hosted pages, at `/` the subscriptions, and `/_control`. */
  url: string;
  /** Stops listening and sending; what the app has not taken yet stays unsent. */
  close(): Promise<void>;
}

/** A stand-in for Stripe that the real SDK talks to over HTTP: `new Stripe(key, { protocol: 'http', host, port })`. */
export async function startSimulatedStripe(options: SimulatedStripeOptions): Promise<SimulatedStripe> {
  const store = new Store(options.dataFile);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  moveTo(url, store);

  const webhooks = new WebhookSender({
    url: options.webhookUrl,
    secrets: [options.webhookSecret],
    retryFactor: options.webhookRetryFactor ?? 1,
    onTaken: () => {
      store.save();
    },
  });
  const prices = [
    makeProPrice(options.proPriceId, 'month'),
    makeProPrice(options.proYearlyPriceId ?? PRO_YEARLY_PRICE_ID, 'year'),
  ];
  const ledger = new Ledger(store, prices, url, (event) => {
    webhooks.enqueue(event);
  });
  const account = new StripeAccount(ledger);
  const api = new StripeApi(account, options.secretKey);
  const control = new Control(account, webhooks, api.faults);
  const answer = (request: Request): Answer | Promise<Answer | Silence> => {
    if (request.pathname.startsWith('/v1/')) return api.answer(request);
    if (request.pathname.startsWith('/_control/')) return answerControl(control, request);
    return answerPage(account, request);
  };
  server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    void respond(incoming, response, async (request) => {
      const answered = await answer(request);
      if (request.method !== 'GET') store.save();
      return answered;
    });
  });
  for (const event of store.events) if (event.pending_webhooks > 0) webhooks.enqueue(event);

  return Object.assign(control, {
    url,
    close: async () => {
      webhooks.stop();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  });
}

/** Another start may have another port. */
function moveTo(url: string, { orders, invoices, portalSessions }: Store): void {
  for (const { session } of orders.values()) {
    if (session.status === 'open') session.url = hostedPageUrl(url, session.id);
  }
  for (const invoice of invoices.values()) {
    if (invoice.number !== null) Object.assign(invoice, invoiceUrls(invoice.id, url));
  }
  for (const session of portalSessions.values()) session.url = portalUrl(url, session.id);
}

async function respond(
  incoming: IncomingMessage,
  response: ServerResponse,
  answer: (request: Request) => Promise<Answer | Silence>,
): Promise<void> {
  try {
    const answered = await answer(await readRequest(incoming));
    if (answered === 'close') incoming.socket.destroy();
    else if (answered !== 'hang') write(response, answered);
  } catch (error) {
    const message = `The simulated Stripe broke: ${String(error)}`;
    const body = JSON.stringify({ error: { type: 'api_error', message } });
    write(response, { status: 500, headers: { 'content-type': 'application/json' }, body });
  }
}
