import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { anAddress, guessCode, restartBehindProxy, sendCode } from './support/codes.js';
import { flood, range, report, retryAfter, tally } from './support/flood.js';
import { theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

const MOBILE = '+14155552671';

let app: TestApp;
let redis: Redis;
beforeAll(async () => {
  app = await startTestApp();
  redis = openRedis(app.redis.url);
});
afterAll(async () => {
  redis.disconnect();
  await app.stop();
});
beforeEach(() => redis.flushall());

const restartWith = (changes: Record<string, string>) => restartBehindProxy(app, changes);
const send = (mobile: string, address?: string, by?: string) => sendCode(app, mobile, address, by);
const guess = (mobile: string, otp: string, address?: string) => guessCode(app, mobile, otp, address);

describe('asking for codes', () => {
  it('at one number is bounded in each window, exactly, however many ask at once', async () => {
    await restartWith({ OTP_SENDS_PER_NUMBER: '5/2s,8/1d' });
    const ask = () =>
      flood(range(40), (index) => send(MOBILE, anAddress(index), index % 2 ? 'send-otp' : 'forgot-password'));
    const first = await ask();
    expect(tally(first)).toEqual({ 200: 5, OTP_SEND_LIMIT_REACHED: 35 });
    const refused = first.find(({ status }) => status === 429);
    expect(refused && retryAfter(refused)).toBeLessThanOrEqual(2);
    let [asked, got] = [first.length, 5];
    await until('the day is used up', async () => {
      const again = await ask();
      asked += again.length;
      got += tally(again)[200] ?? 0;
      return got >= 8;
    });
    const last = await send(MOBILE, anAddress(9999));
    theProblem(last, 429, 'OTP_SEND_LIMIT_REACHED');
    expect(retryAfter(last)).toBeGreaterThan(86_000);
    report('codes asked for one number from 40 addresses, again and again', asked, got);
    expect(got).toBe(8);
  });

  it('SMS pumping: a range of numbers, a country and all together stay below their caps', async () => {
    await restartWith({
      OTP_SENDS_PER_PREFIX: '10/1h',
      OTP_SENDS_PER_DIAL_CODE: '40/1h',
      OTP_SENDS_TOTAL: '60/1h',
    });
    let asked = 0;
    const ask = async (numbers: string[]): Promise<number> => {
      const answers = await flood(numbers, (mobile) => send(mobile, anAddress((asked += 1))));
      return tally(answers)[200] ?? 0;
    };
    const range1000 = await ask(range(200).map((index) => `+37120000${String(index).padStart(3, '0')}`));
    report('codes for 200 numbers of one range, each from an address of its own', 200, range1000);
    expect(range1000).toBe(10);
    const country = await ask(range(200).map((index) => `+3712${String(index + 100).padStart(3, '0')}0000`));
    report('codes for 200 numbers all over one country', 200, country);
    expect(country).toBe(30);
    // The flood takes no codes from another country, until all together are too many.
    const others = await ask(range(100).map((index) => `+1415${String(index + 200).padStart(3, '0')}0000`));
    report('codes for 100 numbers of another country, under the cap of all', 100, others);
    expect(others).toBe(20);
    expect(range1000 + country + others).toBe(60);
    const warnings = await until('operators are told of each cap', () => {
      const lines = app.process.logs.filter(
        ({ msg }) => msg === 'A cap on codes is reached: this may be SMS pumping',
      );
      return lines.some(({ cap }) => cap === 'OTP_SENDS_TOTAL') && lines;
    });
    const told = warnings.map(({ level, cap, dialCode }) => [level, cap, dialCode].join(' '));
    expect(told).toEqual([...new Set(told)]);
    expect(told).toEqual(
      expect.arrayContaining([
        'warn OTP_SENDS_PER_PREFIX 371',
        'warn OTP_SENDS_PER_DIAL_CODE 371',
        'warn OTP_SENDS_TOTAL 1',
      ]),
    );
    expect(JSON.stringify(warnings)).not.toMatch(/37120000|3712\d{3}|1415/);
  });

  it('what one limit counted is given back when another refuses, and the code there was stays good', async () => {
    await restartWith({
      OTP_SENDS_PER_ADDRESS: '3/1h',
      OTP_SENDS_PER_NUMBER: '2/1h',
      OTP_RESEND_SECONDS: '30',
    });
    const [busy, calm] = ['198.51.100.1', '198.51.100.2'];
    const { body } = await send(MOBILE, busy);
    for (let turn = 0; turn < 20; turn += 1) theProblem(await send(MOBILE, calm), 429, 'OTP_RESEND_TOO_SOON');
    // None of the refused ones counts for its address, and none of them took the code away.
    for (let index = 0; index < 3; index += 1)
      expect((await send(`+1415559000${index}`, calm)).status).toBe(200);
    expect((await guess(MOBILE, body.otp ?? '')).status).toBe(200);
    // Refused for its address, a number has neither a pause nor a code less.
    const another = '+14155590009';
    for (let turn = 0; turn < 5; turn += 1)
      theProblem(await send(another, calm), 429, 'OTP_SEND_LIMIT_REACHED');
    expect((await send(another, busy)).status).toBe(200);
    theProblem(await send(another, busy), 429, 'OTP_RESEND_TOO_SOON');
    // A code that was used ends the pause; the count of the hour goes on.
    expect((await send(MOBILE, busy)).status).toBe(200);
    const keys = await redis.keys('otp-*');
    expect(keys.filter((key) => key.includes('prefix') || key.includes('total'))).not.toEqual([]);
    expect(await redis.zcard('otp-sends-total')).toBe(6);
  });

  it('is for the countries that are served', async () => {
    await restartWith({ OTP_COUNTRIES: 'US,IN' });
    expect((await send('+14155552671')).status).toBe(200);
    expect((await send('+919876543210')).status).toBe(200);
    // Jamaica and Canada share +1.
    for (const mobile of ['+18765551234', '+14165552671', '+447400123456', '+8835100012345']) {
      theProblem(await send(mobile), 403, 'COUNTRY_NOT_ALLOWED');
      theProblem(await send(mobile, '203.0.113.1', 'forgot-password'), 403, 'COUNTRY_NOT_ALLOWED');
    }
    expect(await redis.zcard('otp-sends-total')).toBe(2);
  });
});
