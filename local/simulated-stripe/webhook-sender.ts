import { Stripe } from 'stripe';

/** Enough for an app that is still starting (13 s in all); Stripe itself goes on for three days. */
const RETRY_DELAYS_MS = [100, 200, 400, 800, 1600, 3200, 6400];
const ANSWER_TIMEOUT_MS = 10_000;

export interface WebhookSenderOptions {
  url: string | (() => string);
  secret: string;
  /** Called when an event was taken (2xx), and so is no longer pending. */
  onTaken: () => void;
}

interface Delivery {
  event: Stripe.Event;
  attempt: number;
}

/**
 * POSTs events, signed as Stripe signs them. First attempts go out one after another, in order; a failed one is tried
 * again later, and the events after it do not wait - so, as with Stripe, the app cannot rely on the order.
 */
export class WebhookSender {
  private readonly queue: Delivery[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly stopped = new AbortController();
  private held = false;
  private sending = false;

  constructor(private readonly options: WebhookSenderOptions) {}

  enqueue(event: Stripe.Event): void {
    this.queue.push({ event, attempt: 0 });
    void this.drain();
  }

  hold(held: boolean): void {
    this.held = held;
    void this.drain();
  }

  /** One attempt, now, even while held. Returns the HTTP status; rejects when nobody answers. */
  async send(event: Stripe.Event): Promise<number> {
    const { url, secret, onTaken } = this.options;
    const payload = JSON.stringify(event, null, 2);
    const response = await fetch(typeof url === 'string' ? url : url(), {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        'stripe-signature': Stripe.webhooks.generateTestHeaderString({ payload, secret }),
      },
      body: payload,
      redirect: 'manual',
      signal: AbortSignal.any([this.stopped.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    });
    await response.arrayBuffer();
    if (response.ok) {
      event.pending_webhooks = 0;
      onTaken();
    }
    return response.status;
  }

  stop(): void {
    this.stopped.abort();
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  private async drain(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    while (!this.held && !this.stopped.signal.aborted) {
      const delivery = this.queue.shift();
      if (!delivery) break;
      const taken = await this.send(delivery.event).then(isSuccess, () => false);
      if (!taken) this.retryLater(delivery);
    }
    this.sending = false;
  }

  private retryLater({ event, attempt }: Delivery): void {
    const delay = RETRY_DELAYS_MS[attempt];
    if (delay === undefined || this.stopped.signal.aborted) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.queue.push({ event, attempt: attempt + 1 });
      void this.drain();
    }, delay);
    this.timers.add(timer);
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
