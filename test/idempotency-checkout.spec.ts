import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkoutSessions, press, untilTier } from './support/billing.js';
import { aUser, type SignedIn } from './support/factories.js';
import { aKey, checkoutKeyed, isReplayed, stored, textOf, times } from './support/keyed.js';
import { theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const checkout = (user: SignedIn, key: string) => checkoutKeyed(app, user, key);

describe('a checkout sent again with its key', () => {
  it('50 at once are one session, and all get it', async () => {
    const user = await aUser(app);
    const key = aKey();
    const answers = await times(50, () => checkout(user, key));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(textOf)).size).toBe(1);
    expect(answers.filter((answer) => !isReplayed(answer))).toHaveLength(1);
    expect(await checkoutSessions(app, user)).toHaveLength(1);
  });

  it('with another key is the same session while it is open', async () => {
    const user = await aUser(app);
    const [one, two] = [await checkout(user, aKey()), await checkout(user, aKey())];
    expect(isReplayed(two)).toBe(false);
    expect(two.body).toEqual(one.body);
    expect(await checkoutSessions(app, user)).toHaveLength(1);
  });

  it('is the same session after a crash between Stripe’s effect and our row', async () => {
    const user = await aUser(app);
    const key = aKey();
    const first = await checkout(user, key);
    // What such a crash leaves.
    await app.database.query('DELETE FROM idempotency_keys WHERE user_id = $1', [user.id]);
    await app.process.kill();
    await app.restart();
    const again = await checkout(user, key);
    expect(isReplayed(again)).toBe(false);
    expect(again.body).toEqual(first.body);
    expect(await checkoutSessions(app, user)).toHaveLength(1);
  });

  it('that Stripe failed keeps nothing; the key works when Stripe does', async () => {
    const user = await aUser(app);
    const key = aKey();
    app.stripe.fail({ path: /checkout/, status: 500, times: 3 });
    theProblem(await checkout(user, key), 502, 'PAYMENT_PROVIDER_UNAVAILABLE');
    expect((await stored(app, user)).keys).toBe(0);
    expect((await checkout(user, key)).status).toBe(201);
    expect(await checkoutSessions(app, user)).toHaveLength(1);
  });

  it('is the same answer also when it is paid; a new one is refused', async () => {
    const user = await aUser(app);
    const key = aKey();
    const first = await checkout(user, key);
    await press(first.body.url, 'Pay');
    await untilTier(app, user, 'pro');
    const again = await checkout(user, key);
    expect([again.status, isReplayed(again), again.body]).toEqual([201, true, first.body]);
    theProblem(await checkout(user, aKey()), 409, 'ALREADY_PRO');
  });
});
