import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findFreePort } from '../local/services/ports.js';
import type { SimulatedSms } from '../local/simulated-sms/simulated-sms.js';
import { aPrompt, aRoom, aUser, theReply } from './support/factories.js';
import { sentTo, startSms } from './support/messages.js';
import { Scrape } from './support/metrics.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;
let sms: SimulatedSms;
let metrics: string;

beforeAll(async () => {
  sms = await startSms();
  const port = await findFreePort();
  metrics = `http://127.0.0.1:${port}`;
  app = await startTestApp({ ...sentTo(sms), OTP_DELIVERY: 'response', METRICS_PORT: String(port) });
});
// A label is told from the first count on that has it: a code, a reply, a call to Gemini, a refusal.
beforeAll(async () => {
  const user = await aUser(app);
  await theReply(app, user, await aPrompt(app, user, await aRoom(app, user)));
  expect((await app.api.get('/v1/users/me')).status).toBe(401);
  await until('all of it is counted', async () => {
    const scrape = await Scrape.of(metrics);
    return [
      'chat_otp_deliveries_total',
      'chat_reply_duration_seconds_count',
      'chat_gemini_call_duration_seconds_count',
      'chat_problems_total',
    ].every((name) => scrape.value(name));
  });
});
afterAll(async () => {
  await Promise.all([app.stop(), sms.close()]);
});

describe('what operators watch is there', () => {
  const alerts = readFileSync('deploy/prometheus/alerts.yaml', 'utf8');
  const dashboard = JSON.parse(readFileSync('deploy/grafana/chat-backend.json', 'utf8')) as {
    panels: { targets?: { expr: string }[] }[];
  };
  const rules = [...alerts.matchAll(/^ +expr: (.+)$/gm)].map(([, expr = '']) => expr);
  const drawn = dashboard.panels.flatMap(({ targets }) => targets ?? []).map(({ expr }) => expr);

  /** Our metrics that an expression names, with the labels that it picks them by. */
  const selectors = (expr: string) =>
    [...expr.matchAll(/\b((?:chat|http|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)].map(
      ([, name = '', labels = '']) => ({
        name,
        labels: [...labels.matchAll(/(\w+)\s*[=!]/g)].map(([, label = '']) => label),
      }),
    );

  it('every alert has an expression, a summary and a runbook', () => {
    const count = (pattern: RegExp) => [...alerts.matchAll(pattern)].length;
    const named = count(/^ +- alert: \w+$/gm);
    expect(named).toBeGreaterThan(10);
    expect(rules).toHaveLength(named);
    expect(count(/^ +summary: \S/gm)).toBe(named);
    expect(count(/^ +runbook: \S/gm)).toBe(named);
  });

  it.each([
    ['alerts', rules],
    ['dashboard', drawn],
  ])('the %s name metrics and labels that a running process tells', async (_what, expressions) => {
    const scrape = await Scrape.of(metrics);
    const labelsOf = (name: string) => scrape.all(name).flatMap(({ labels }) => Object.keys(labels));
    const found = expressions.flatMap(selectors);
    expect(found.length).toBeGreaterThan(expressions.length / 2);
    for (const { name, labels } of found) {
      expect(scrape.names.has(name) ? name : `no metric ${name}`).toBe(name);
      for (const label of labels)
        expect({ name, labels: labelsOf(name) }).toMatchObject({ labels: expect.arrayContaining([label]) });
    }
  });
});
