import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aPrompt, aRoom, aUser, theReply } from './support/factories.js';
import { pathsOf, theProblem } from './support/problem.js';
import { me } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

interface Usage {
  tier: string;
  used: number;
  limit: number | null;
  remaining: number | null;
  resetAt: string;
}

const usage = (token: string) => app.api.get<Usage>('/v1/users/me/usage', { token });

describe('the account', () => {
  it('shows what is mine and nothing else', async () => {
    const user = await aUser(app);
    const { status, body } = await me(app, user.token);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: user.id,
      mobile: user.mobile,
      displayName: null,
      tier: 'basic',
      hasPassword: false,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
    });
  });

  it.each([
    ['pro', null, 'pro'],
    ['pro', '1 hour', 'pro'],
    ['pro', '-1 second', 'basic'],
    ['basic', null, 'basic'],
  ])('%s until %s is %s right now', async (tier, until, expected) => {
    const user = await aUser(app);
    await app.database.query('UPDATE users SET tier = $2, tier_until = now() + $3::interval WHERE id = $1', [
      user.id,
      tier,
      until,
    ]);
    expect((await me(app, user.token)).body.tier).toBe(expected);
    expect((await usage(user.token)).body.tier).toBe(expected);
  });
});

describe('the display name', () => {
  const rename = (token: string, body: unknown) => app.api.patch('/v1/users/me', body, { token });

  it.each([
    ['Ada', 'Ada'],
    ['  Ada Lovelace \n', 'Ada Lovelace'],
    ['x'.repeat(80), 'x'.repeat(80)],
    ['😀'.repeat(80), '😀'.repeat(80)],
    ['محمد', 'محمد'],
    [null, null],
  ])('can be %j', async (displayName, stored) => {
    const user = await aUser(app);
    await rename(user.token, { displayName: 'Before' });
    const { status, body } = await rename(user.token, { displayName });
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: user.id, displayName: stored });
    expect((await me(app, user.token)).body).toEqual(body);
  });

  it.each([
    ['too long', { displayName: 'x'.repeat(81) }, ['displayName']],
    ['long with invisible characters', { displayName: `x${'\ufe0f'.repeat(1000)}` }, ['displayName']],
    ['empty', { displayName: '' }, ['displayName']],
    ['blank', { displayName: ' \t ' }, ['displayName']],
    ['missing', {}, ['displayName']],
    ['a number', { displayName: 5 }, ['displayName']],
    ['an object', { displayName: {} }, ['displayName']],
    ['an array of names', { displayName: ['Ada'] }, ['displayName']],
    ['beside a field that cannot be changed', { displayName: 'Ada', tier: 'pro' }, ['tier']],
    [
      'beside fields of the database',
      { displayName: 'Ada', passwordHash: 'x', id: 'x' },
      ['passwordHash', 'id'],
    ],
  ])('is refused and stays when it is %s', async (_what, body, paths) => {
    const user = await aUser(app);
    await rename(user.token, { displayName: 'Before' });
    expect(pathsOf(theProblem(await rename(user.token, body), 400, 'VALIDATION_FAILED'))).toEqual(paths);
    expect((await me(app, user.token)).body).toMatchObject({ displayName: 'Before', tier: 'basic' });
  });

  it('is changed for nobody else', async () => {
    const [mine, theirs] = [await aUser(app), await aUser(app)];
    await rename(mine.token, { displayName: 'Ada' });
    expect((await me(app, theirs.token)).body.displayName).toBeNull();
  });
});

describe('the usage', () => {
  it('tells how many prompts of the day are used, and when the next day begins', async () => {
    const user = await aUser(app);
    const { status, body } = await usage(user.token);
    expect(status).toBe(200);
    expect(body).toEqual({ tier: 'basic', used: 0, limit: 5, remaining: 5, resetAt: expect.any(String) });
    expect(body.resetAt).toMatch(/T00:00:00\.000Z$/);
    expect(Date.parse(body.resetAt)).toBeGreaterThan(Date.now());
    expect(Date.parse(body.resetAt) - Date.now()).toBeLessThanOrEqual(86_400_000);

    await theReply(app, user, await aPrompt(app, user, await aRoom(app, user)));
    expect((await usage(user.token)).body).toMatchObject({ used: 1, limit: 5, remaining: 4 });
  });

  it('has no limit for Pro', async () => {
    const user = await aUser(app, { tier: 'pro' });
    expect((await usage(user.token)).body).toMatchObject({ tier: 'pro', limit: null, remaining: null });
  });
});
