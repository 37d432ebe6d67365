import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { anAddress, guessCode, restartBehindProxy, sendCode } from './support/codes.js';
import { flood, range, report, retryAfter, tally } from './support/flood.js';
import { theProblem } from './support/problem.js';
import { notThe, theCode } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { openRedis } from './support/whole-redis.js';

const MOBILE = '+14155552671';
const GUESSES_A_CODE = 5;
const GUESSES_A_DAY = 50;

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
const aGuess = (): string => randomInt(1_000_000).toString().padStart(6, '0');

describe('guessing', () => {
  it('from a thousand addresses at one number gets 5 guesses a code and 50 a day compared', async () => {
    await restartWith({ OTP_GUESSES_PER_NUMBER: `${GUESSES_A_DAY}/1d` });
    let compared = 0;
    let tried = 0;
    for (let code = 0; code < 12; code += 1) {
      const right = await theCode(app, MOBILE);
      const answers = await flood(range(1000 / 10), (index) =>
        guess(MOBILE, notThe(right), anAddress(code * 100 + index)),
      );
      const { OTP_INVALID: wrong = 0 } = tally(answers);
      expect(wrong).toBeLessThanOrEqual(GUESSES_A_CODE);
      compared += wrong;
      tried += answers.length;
    }
    report('guesses at one number from 1,200 addresses, 12 codes', tried, compared);
    expect(compared).toBe(GUESSES_A_DAY);
    const last = await guess(MOBILE, await theCode(app, MOBILE));
    theProblem(last, 429, 'OTP_GUESS_LIMIT_REACHED');
    expect(retryAfter(last)).toBeGreaterThan(80_000);
  });

  it('from one address at many numbers is bounded too, and who is right does not use it up', async () => {
    await restartWith({ OTP_GUESSES_PER_ADDRESS: '20/1h' });
    const numbers = range(60).map((index) => `+1415556${String(index).padStart(4, '0')}`);
    const codes = await flood(numbers, (mobile) => theCode(app, mobile));
    // More than may be wrong, but not at one instant: a guess counts until it is known to be right.
    for (const first of [0, 15]) {
      const right = await flood(range(15), (index) =>
        guess(numbers[first + index] ?? '', codes[first + index] ?? ''),
      );
      expect(tally(right)).toEqual({ 200: 15 });
    }
    const answers = await flood(range(30), (index) =>
      guess(numbers[30 + index] ?? '', notThe(codes[30 + index] ?? '')),
    );
    const { OTP_INVALID: compared = 0 } = tally(answers);
    report('guesses at 30 numbers from one address', answers.length, compared);
    expect(tally(answers)).toEqual({ OTP_INVALID: 20, OTP_GUESS_LIMIT_REACHED: 10 });
    expect((await guess(numbers[35] ?? '', codes[35] ?? '', '203.0.113.2')).status).toBe(200);
  });

  it('an address that nobody trusted said of itself is not believed', async () => {
    await restartWith({
      TRUSTED_PROXIES: '',
      OTP_GUESSES_PER_ADDRESS: '20/1h',
      OTP_SENDS_PER_ADDRESS: '10/1h',
    });
    const sent = await flood(range(30), (index) =>
      send(`+1415557${String(index).padStart(4, '0')}`, anAddress(index)),
    );
    report('codes asked for under 30 forged addresses', 30, tally(sent)[200] ?? 0);
    expect(tally(sent)).toEqual({ 200: 10, OTP_SEND_LIMIT_REACHED: 20 });
    const guessed = await flood(range(30), (index) =>
      guess(`+1415557${String(index).padStart(4, '0')}`, aGuess(), anAddress(index)),
    );
    report('guesses under 30 forged addresses', 30, 30 - (tally(guessed).OTP_GUESS_LIMIT_REACHED ?? 0));
    expect(tally(guessed).OTP_GUESS_LIMIT_REACHED).toBe(10);
  });

  it('every address of an IPv6 network counts as one', async () => {
    await restartWith({ OTP_SENDS_PER_ADDRESS: '10/1h' });
    const sent = await flood(range(100), (index) =>
      send(
        `+1415558${String(index).padStart(4, '0')}`,
        `2001:db8:1:2:${index.toString(16)}::${index.toString(16)}`,
      ),
    );
    report('codes asked for from 100 addresses of one /64', 100, tally(sent)[200] ?? 0);
    expect(tally(sent)).toEqual({ 200: 10, OTP_SEND_LIMIT_REACHED: 90 });
  });

  it('locks a number after so many failures in a row, longer with each more, until a code is right', async () => {
    await restartWith({
      OTP_LOCK_AFTER_FAILURES: '8',
      OTP_LOCK_BASE_SECONDS: '1',
      OTP_LOCK_MAX_SECONDS: '3',
    });
    const fail = async (times: number): Promise<void> => {
      const right = await theCode(app, MOBILE);
      for (let turn = 0; turn < times; turn += 1) {
        theProblem(await guess(MOBILE, notThe(right), anAddress(turn)), 400, 'OTP_INVALID');
      }
    };
    const waits: number[] = [];
    const sitOut = async (): Promise<void> => {
      const refused = await guess(MOBILE, aGuess());
      theProblem(refused, 429, 'OTP_LOCKED');
      theProblem(await send(MOBILE), 429, 'OTP_LOCKED');
      theProblem(await send(MOBILE, '203.0.113.1', 'forgot-password'), 429, 'OTP_LOCKED');
      waits.push(retryAfter(refused));
      await until('the lock ends', async () => (await send(MOBILE)).status === 200);
    };
    // Across codes: none of them is exhausted.
    await fail(4);
    await fail(4);
    for (let lock = 0; lock < 4; lock += 1) {
      await sitOut();
      if (lock < 3) await fail(1);
    }
    expect(waits).toEqual([1, 2, 3, 3]);
    // A success forgets them all.
    expect((await guess(MOBILE, await theCode(app, MOBILE))).status).toBe(200);
    await fail(4);
    await fail(3);
    expect((await guess(MOBILE, await theCode(app, MOBILE))).status).toBe(200);
  });
});

it('digits of other scripts are the digits they are, in the number and in the code', async () => {
  await restartWith({});
  const inScript = (zero: number) => (text: string) =>
    text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
  const scripts = [0x660, 0x6f0, 0x966, 0xff10].map(inScript);
  const ids = new Set<string>();
  for (const write of scripts) {
    for (const number of ['+14155552671', '+1 (415) 555-2671', ' +1.415.555.2671 ']) {
      const { body } = await send(write(number).replace('+', '＋'));
      const session = await guess(write(number), write(body.otp ?? ''));
      expect(session.status).toBe(200);
      ids.add(session.body.user.id);
    }
  }
  expect(ids.size).toBe(1);
});
