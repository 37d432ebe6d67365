import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type SimulatedSms, startSimulatedSms } from './simulated-sms.js';

const SECRET = 'a secret of the gateway and the app';
const MESSAGE = {
  id: 'one',
  purpose: 'sign-in',
  to: '+14155550001',
  code: '123456',
  text: '123456 is your <b>Chat</b> code',
  expiresAt: '2026-11-23T07:05:00.000Z',
};

let sms: SimulatedSms;
beforeEach(async () => {
  sms = await startSimulatedSms({ secret: SECRET });
});
afterEach(() => sms.close());

const now = (): number => Math.floor(Date.now() / 1000);

const sign = (body: string, seconds: number, secret = SECRET): string =>
  `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;

async function post(message: object, signature = sign(JSON.stringify(message), now())): Promise<number> {
  const response = await fetch(sms.webhookUrl, {
    method: 'POST',
    headers: { 'otp-signature': signature },
    body: JSON.stringify(message),
  });
  return response.status;
}

it('keeps signed messages, each once, and shows them escaped and newest first', async () => {
  expect(await post(MESSAGE)).toBe(204);
  expect(await post(MESSAGE)).toBe(204);
  expect(await post({ ...MESSAGE, id: 'two', to: '+14155550002', text: 'another' })).toBe(204);
  expect(sms.messages.map(({ id }) => id)).toEqual(['one', 'two']);
  const page = await (await fetch(sms.url)).text();
  expect(page).toContain('123456 is your &lt;b&gt;Chat&lt;/b&gt; code');
  expect(page.indexOf('another')).toBeLessThan(page.indexOf('123456 is'));
});

it('answers with the messages of a number as soon as there are some', async () => {
  const waiting = fetch(`${sms.url}/messages?to=%2B14155550001&wait=10`);
  await post({ ...MESSAGE, id: 'other', to: '+14155550002' });
  await post(MESSAGE);
  expect(await (await waiting).json()).toMatchObject([MESSAGE]);
});

it.each([
  ['none', ''],
  ['nonsense', 'v1=abc'],
  ['of another secret', sign(JSON.stringify(MESSAGE), now(), 'another secret')],
  ['of another body', sign(JSON.stringify({ ...MESSAGE, to: '+14155550009' }), now())],
  ['of ten minutes ago', sign(JSON.stringify(MESSAGE), now() - 600)],
])('refuses a signature that is wrong: %s', async (_what, signature) => {
  expect(await post(MESSAGE, signature)).toBe(401);
  expect(sms.messages).toEqual([]);
});

it('does what the last digits of a number say', async () => {
  const to = (digits: string) => ({ ...MESSAGE, id: digits, to: `+1415555${digits}` });
  expect(await post(to('9990'))).toBe(422);
  expect([await post(to('9991')), await post(to('9991'))]).toEqual([503, 204]);
  expect([await post(to('9992')), await post(to('9992'))]).toEqual([503, 503]);
});
