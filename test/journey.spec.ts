import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Problem } from './support/api.js';
import { aCheckout, press, stripeSubscription, untilTier } from './support/billing.js';
import {
  aMobile,
  aPrompt,
  aRoom,
  type Room,
  type SignedIn,
  theReply,
  type User,
} from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

interface Usage {
  tier: string;
  used: number;
  limit: number | null;
  remaining: number | null;
  resetAt: string;
}

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.stop();
});

async function signUp(): Promise<SignedIn> {
  const mobile = aMobile();
  const password = 'correct horse battery staple';
  expect((await app.api.post('/v1/auth/signup', { mobile, password })).status).toBe(201);
  const sent = await app.api.post<{ otp: string }>('/v1/auth/send-otp', { mobile });
  expect(sent.body.otp).toMatch(/^\d{6}$/);
  const { status, body } = await app.api.post<{ accessToken: string; user: User }>('/v1/auth/verify-otp', {
    mobile,
    otp: sent.body.otp,
  });
  expect({ status, user: body.user }).toMatchObject({
    status: 200,
    user: { mobile, tier: 'basic', hasPassword: true },
  });
  return { ...body.user, token: body.accessToken };
}

async function ask(ada: SignedIn, room: Room, content: string): Promise<string> {
  const reply = await theReply(app, ada, await aPrompt(app, ada, room, content));
  expect(reply).toMatchObject({ role: 'model', status: 'completed' });
  return reply.content;
}

const usageOf = async (user: SignedIn): Promise<Usage> =>
  (await app.api.get<Usage>('/v1/users/me/usage', { token: user.token })).body;

const isRefused = async (user: SignedIn, room: Room): Promise<number> => {
  const { status, headers, body } = await app.api.post<Problem>(
    `/v1/chatrooms/${room.id}/messages`,
    { content: 'One more?' },
    { token: user.token },
  );
  expect({ status, body }).toMatchObject({ status: 429, body: { code: 'DAILY_PROMPT_LIMIT_REACHED' } });
  expect(headers.get('content-type')).toMatch('application/problem+json');
  return Number(headers.get('retry-after'));
};

it('a person signs up, chats, reaches the limit, pays, chats without one, cancels, and has one again', async () => {
  const ada = await signUp();
  const room = await aRoom(app, ada, { title: 'First steps' });

  await ask(ada, room, 'My name is Ada');
  await ask(ada, room, 'Why is the sky blue?');
  expect(await ask(ada, room, 'What is my name?')).toContain('Ada');

  for (const content of ['A fourth', 'A fifth']) await ask(ada, room, content);
  const secondsToMidnight = await isRefused(ada, room);
  expect(secondsToMidnight).toBeGreaterThan(0);
  expect(secondsToMidnight).toBeLessThanOrEqual(86_400);
  expect(await usageOf(ada)).toMatchObject({ tier: 'basic', used: 5, limit: 5, remaining: 0 });

  const { url } = await aCheckout(app, ada);
  const paid = await press(url, 'Pay');
  expect(paid.headers.get('location')).toMatch(/\/billing\/success\?session_id=cs_test_/);
  await untilTier(app, ada, 'pro');
  for (let prompt = 6; prompt <= 8; prompt += 1) await ask(ada, room, `Prompt ${prompt}`);
  expect(await usageOf(ada)).toMatchObject({ tier: 'pro', used: 8, limit: null, remaining: null });
  const me = await app.api.get<User>('/v1/users/me', { token: ada.token });
  expect(me.body.tier).toBe('pro');

  app.stripe.cancelSubscription((await stripeSubscription(app, ada)).id);
  await until('Basic again', async () => (await usageOf(ada)).tier === 'basic');
  await isRefused(ada, room);
  expect(await usageOf(ada)).toMatchObject({ used: 8, limit: 5, remaining: 0 });

  const { body } = await app.api.get<{ data: unknown[] }>(`/v1/chatrooms/${room.id}/messages?limit=50`, {
    token: ada.token,
  });
  expect(body.data).toHaveLength(16);
});
