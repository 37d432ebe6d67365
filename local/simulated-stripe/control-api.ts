import type { Failure } from './api/faults.js';
import type { Control } from './control.js';
import type { Answer, Request } from './http.js';
import { redirect } from './pages/html.js';
import { Params } from './params.js';
import { invalidRequest, StripeApiError } from './stripe-api-error.js';

const MOST = 1_000_000;

type Command = (control: Control, params: Params) => unknown;

/**
 * The control over HTTP: `curl -d days=30 …/_control/advance`. A browser is led back to the
 * overview page.
 */
const COMMANDS: Record<string, Command> = {
  'GET state': (control) => ({
    now: control.now(),
    events: control.events.map(({ id, type }) => ({ id, type, ...control.deliveriesOf(id) })),
  }),
  'POST advance': (control, params) => {
    const [days, seconds] = [params.integer('days', 0, MOST), params.integer('seconds', 0, MOST)];
    control.advance({ ...(days && { days }), ...(seconds && { seconds }) });
    return { now: control.now() };
  },
  'POST dunning': (control, params) => {
    const days = params.text('retry_days')?.split(',').filter(Boolean).map(Number);
    const then = params.oneOf('then', ['canceled', 'unpaid', 'past_due']);
    if (days?.some(Number.isNaN)) throw invalidRequest('Invalid days, as in 3,5,7', 'retry_days');
    control.setDunning({ ...(days && { retryDays: days }), ...(then && { then }) });
  },
  'POST status': (control, params) => {
    control.setStatus(params.requiredText('subscription'), params.requiredText('status'));
  },
  'POST card': (control, params) => {
    control.setCard(params.requiredText('customer'), params.oneOf('card', ['works', 'fails']) ?? 'works');
  },
  'POST webhooks': (control, params) => {
    const mode = params.oneOf('mode', ['send', 'hold', 'lose']);
    if (mode) control.setWebhooks(mode);
    const [copies, spreadMs] = [params.integer('copies', 1, 10), params.integer('spread_ms', 0, MOST)];
    if (copies !== undefined || spreadMs !== undefined)
      control.disturbWebhooks({ copies: copies ?? 1, spreadMs: spreadMs ?? 0 });
  },
  'POST deliver': async (control, params) => {
    const events = params.text('events')?.split(',') ?? control.events.map(({ id }) => id);
    const statuses = await control.deliverAll(events, {
      order: params.oneOf('order', ['given', 'reversed', 'shuffled']) ?? 'given',
      times: params.integer('times', 1, 10) ?? 1,
      concurrently: params.flag('concurrently') ?? true,
    });
    return { statuses };
  },
  'POST fail': (control, params) => {
    control.fail(failureFrom(params));
  },
  'POST heal': (control) => {
    control.heal();
  },
};

export async function answerControl(control: Control, request: Request): Promise<Answer> {
  const name = request.pathname.slice('/_control/'.length);
  const command = new Map(Object.entries(COMMANDS)).get(`${request.method} ${name}`);
  if (!command) return json(404, { error: `The controls are ${Object.keys(COMMANDS).join(', ')}.` });
  try {
    const params = Params.parse(request.query, request.body);
    const done = await command(control, params);
    return isBrowser(request) ? redirect('/') : json(200, done ?? {});
  } catch (error) {
    const status = error instanceof StripeApiError ? error.status : 400;
    return json(status, { error: error instanceof Error ? error.message : String(error) });
  }
}

function isBrowser({ method, headers }: Request): boolean {
  return method === 'POST' && headers.accept?.includes('text/html') === true;
}

function failureFrom(params: Params): Failure {
  const path = params.text('path');
  const method = params.text('method');
  const which = {
    times: params.integer('times', 1, MOST) ?? 1,
    ...(path && { path: new RegExp(path) }),
    ...(method && { method }),
  };
  const [hang, close] = [
    params.oneOf('hang', ['before', 'after']),
    params.oneOf('close', ['before', 'after']),
  ];
  if (hang) return { ...which, hang };
  if (close) return { ...which, close };
  const slowMs = params.integer('slow_ms', 1, MOST);
  if (slowMs) return { ...which, slowMs };
  return { ...which, status: params.integer('status', 400, 599) ?? 500 };
}

function json(status: number, body: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body, null, 2) };
}
