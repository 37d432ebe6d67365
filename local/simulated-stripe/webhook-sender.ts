import { Stripe } from 'stripe';

/** 100 ms, doubled each time, for almost two hours. Stripe itself goes on for three days. */
const FIRST_RETRY_MS = 100;
const MOST_RETRIES = 16;
const ANSWER_TIMEOUT_MS = 10_000;

export interface WebhookSenderOptions {
  url: string | (() => string);
  /** More than one while a secret is being replaced: the events are signed with each. */
  secrets: string[];
  /** All delays between tries are multiplied by this. */
  retryFactor: number;
  /** Called when an event was taken (2xx), and so is no longer pending. */
  onTaken: () => void;
}

/** Whether new events are sent, kept until they may be, or never sent at all. */
export type WebhookMode = 'send' | 'hold' | 'lose';

export interface Disturbance {
  /** How often every event is sent; 1 by default. */
  copies?: number;
  /** Every copy is sent after a random delay up to this: they come late, in any order and at once. 0 by default. */
  spreadMs?: number;
}

export interface DeliveryCount {
  tries: number;
  /** How many of the tries were answered 2xx. */
  taken: number;
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
  readonly counts = new Map<string, DeliveryCount>();
  disturbance: Disturbance = {};
  private readonly queue: Delivery[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly stopped = new AbortController();
  private mode: WebhookMode = 'send';
  private sending = false;

  constructor(private readonly options: WebhookSenderOptions) {}

  enqueue(event: Stripe.Event): void {
    this.counts.set(event.id, { tries: 0, taken: 0 });
    if (this.mode === 'lose') return;
    const { copies = 1, spreadMs = 0 } = this.disturbance;
    for (let copy = 0; copy < copies; copy += 1) {
      if (spreadMs === 0) this.push({ event, attempt: 0 });
      else this.sendLater({ event, attempt: 0 }, Math.random() * spreadMs);
    }
  }

  setMode(mode: WebhookMode): void {
    this.mode = mode;
    void this.drain();
  }

  signWith(secrets: string[]): void {
    this.options.secrets = secrets;
  }

  /** One attempt, now, even while held. Returns the HTTP status; rejects when nobody answers. */
  async send(event: Stripe.Event): Promise<number> {
    const { url, onTaken } = this.options;
    const count = this.counts.get(event.id) ?? { tries: 0, taken: 0 };
    this.counts.set(event.id, count);
    count.tries += 1;
    const payload = JSON.stringify(event, null, 2);
    const response = await fetch(typeof url === 'string' ? url : url(), {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        'stripe-signature': this.sign(payload),
      },
      body: payload,
      redirect: 'manual',
      signal: AbortSignal.any([this.stopped.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    });
    await response.arrayBuffer();
    if (response.ok) {
      count.taken += 1;
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

  /** The time is the machine's own: the app that checks it does not know of the simulated clock. */
  private sign(payload: string): string {
    const timestamp = Math.floor(Date.now() / 1000);
    const signatures = this.options.secrets.map((secret) =>
      Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp }).replace(/^t=\d+,/, ''),
    );
    return [`t=${timestamp}`, ...signatures].join(',');
  }

  private push(delivery: Delivery): void {
    this.queue.push(delivery);
    void this.drain();
  }

  private async drain(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    while (this.mode !== 'hold' && !this.stopped.signal.aborted) {
      const delivery = this.queue.shift();
      if (!delivery) break;
      await this.attempt(delivery);
    }
    this.sending = false;
  }

  private async attempt({ event, attempt }: Delivery): Promise<void> {
    const taken = await this.send(event).then(isSuccess, () => false);
    if (taken || attempt >= MOST_RETRIES) return;
    const delay = FIRST_RETRY_MS * 2 ** attempt * this.options.retryFactor;
    this.sendLater({ event, attempt: attempt + 1 }, delay);
  }

  private sendLater(delivery: Delivery, milliseconds: number): void {
    if (this.stopped.signal.aborted) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      // What is spread does not queue up: it comes at once with others.
      if (this.disturbance.spreadMs && this.mode !== 'hold') void this.attempt(delivery);
      else this.push(delivery);
    }, milliseconds);
    this.timers.add(timer);
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
