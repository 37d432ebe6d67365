import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { phonePage } from './phone-page.js';
import { isSigned } from './signature.js';

const MESSAGES_KEPT = 500;
const WAIT_SECONDS_MAX = 30;
const POLL_MS = 50;

/** What a number can do by its last digits, for seeing things go wrong. */
const BY_LAST_DIGITS: Record<string, Fault> = { '9990': 'refuse', '9991': 'fail once', '9992': 'fail' };

/** `refuse` is a number that can get no messages, `hang` a gateway that never answers. */
export type Fault = 'refuse' | 'fail once' | 'fail' | 'hang';

/** A message that arrived, as the app sent it. */
export interface SmsMessage {
  id: string;
  purpose: string;
  to: string;
  code: string;
  text: string;
  expiresAt: string;
  /** ISO 8601. */
  receivedAt: string;
}

export interface SimulatedSmsOptions {
  /** 0 (default): any free port. Always bound to 127.0.0.1. */
  port?: number;
  /** What the app is given as OTP_WEBHOOK_SECRET. */
  secret: string;
}

export interface SimulatedSms {
  /** The phone: a page, and its messages as JSON at `/messages?to=%2B1415…`, with `&wait=5` once there is one. */
  readonly url: string;
  /** What the app is given as OTP_WEBHOOK_URL. */
  readonly webhookUrl: string;
  /** The newest last; the last 500. */
  readonly messages: readonly SmsMessage[];
  /** Signed posts so far, those that were made to fail too. */
  readonly posts: number;
  /** From now on; null for well. */
  misbehave(fault: Fault | null): void;
  /** Breaks every connection and stops listening. */
  close(): Promise<void>;
}

/** Stands for an SMS gateway behind OTP_DELIVERY=webhook, and for the phones it reaches. */
export async function startSimulatedSms(options: SimulatedSmsOptions): Promise<SimulatedSms> {
  const gateway = new Gateway(options.secret);
  const server = createServer((request, response) => {
    gateway.handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  gateway.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  gateway.close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return gateway;
}

class Gateway implements SimulatedSms {
  url = '';
  close!: () => Promise<void>;
  readonly messages: SmsMessage[] = [];
  posts = 0;
  private fault: Fault | null = null;
  private readonly failedOnce = new Set<string>();

  constructor(private readonly secret: string) {}

  get webhookUrl(): string {
    return `${this.url}/send`;
  }

  misbehave(fault: Fault | null): void {
    this.fault = fault;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const route = `${request.method ?? ''} ${pathname}`;
    if (route === 'POST /send') await this.take(request, response);
    else if (route === 'GET /messages') {
      const found = await this.find(searchParams.get('to'), Number(searchParams.get('wait') ?? 0));
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(found));
    } else if (route === 'GET /') {
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      });
      response.end(phonePage(this.messages.toReversed()));
    } else response.writeHead(404).end();
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readText(request);
    const header = request.headers['otp-signature'];
    if (!isSigned(typeof header === 'string' ? header : undefined, body, this.secret)) {
      response.writeHead(401).end();
      return;
    }
    this.posts += 1;
    const message = JSON.parse(body) as Omit<SmsMessage, 'receivedAt'>;
    const status = this.statusFor(message);
    if (status === null) return;
    // The app tries again when our answer got lost; a phone rings once.
    if (status === 204 && !this.messages.some(({ id }) => id === message.id)) {
      this.messages.push({ ...message, receivedAt: new Date().toISOString() });
      if (this.messages.length > MESSAGES_KEPT) this.messages.shift();
    }
    response.writeHead(status).end();
  }

  /** Null: never. */
  private statusFor({ id, to }: { id: string; to: string }): number | null {
    const fault = this.fault ?? BY_LAST_DIGITS[to.slice(-4)] ?? null;
    if (fault === 'hang') return null;
    if (fault === 'refuse') return 422;
    if (fault === 'fail') return 503;
    if (fault === 'fail once' && !this.failedOnce.has(id)) {
      this.failedOnce.add(id);
      return 503;
    }
    return 204;
  }

  /** Newest first. */
  private async find(to: string | null, waitSeconds: number): Promise<SmsMessage[]> {
    const deadline = Date.now() + Math.min(waitSeconds, WAIT_SECONDS_MAX) * 1000;
    for (;;) {
      const found = this.messages.filter((message) => to === null || message.to === to).reverse();
      if (found.length > 0 || !(Date.now() < deadline)) return found;
      await pause(POLL_MS);
    }
  }
}
