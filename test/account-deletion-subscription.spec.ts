import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deletionRow, rowsOf } from './support/account.js';
import { deleted, DELETION_SETTINGS, expectRemoved, fill } from './support/account-deletion.js';
import { customerOf, pay, stripeOf, stripeSubscription, untilTier } from './support/billing.js';
import { aRoom, aUser, type SignedIn } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { me } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp(DELETION_SETTINGS);
});
afterAll(() => app.stop());

/** Takes connections and never answers. */
async function aSilentServer(): Promise<{ url: string; asked: () => boolean; close: () => void }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => open.size > 0,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

describe('a subscription', () => {
  async function aSubscriber(): Promise<{ user: SignedIn; customer: string; subscription: string }> {
    const user = await aUser(app);
    await pay(app, user);
    await untilTier(app, user, 'pro');
    const { id } = await stripeSubscription(app, user);
    return { user, customer: await customerOf(app, user), subscription: id };
  }

  async function expectEnded({
    customer,
    subscription,
  }: {
    customer: string;
    subscription: string;
  }): Promise<void> {
    expect((await stripeOf(app).subscriptions.retrieve(subscription)).status).toBe('canceled');
    expect(await stripeOf(app).customers.retrieve(customer)).toMatchObject({ deleted: true });
  }

  it('is canceled now, its customer deleted, and a page to pay on that is open is closed', async () => {
    const subscriber = await aSubscriber();
    const customer = subscriber.customer;
    const open = await stripeOf(app).checkout.sessions.create({
      mode: 'subscription',
      customer,
      line_items: [{ price: 'price_pro', quantity: 1 }],
      success_url: 'http://localhost/',
    });
    await deleted(app, subscriber.user);
    await expectRemoved(app, subscriber.user);
    await expectEnded(subscriber);
    expect((await stripeOf(app).checkout.sessions.retrieve(open.id)).status).toBe('expired');
    // What Stripe has to say about it concerns nobody of ours.
    await until('its events are acted on', async () => {
      const { rowCount } = await app.database.query('SELECT FROM stripe_events WHERE processed_at IS NULL');
      return rowCount === 0;
    });
  });

  it('is canceled as soon as Stripe is back; until then everything waits, and operators can see why', async () => {
    const subscriber = await aSubscriber();
    const { user } = subscriber;
    await fill(app, user, (await aRoom(app, user)).id, 5);
    // Every try of ours is three of the SDK's, and begins with the list of sessions.
    app.stripe.fail({ status: 500, times: 9, path: /checkout\/sessions/ });
    await deleted(app, user);
    theProblem(await me(app, user.token), 401, 'UNAUTHENTICATED');
    const row = await until('it has failed twice', async () => {
      const now = await deletionRow(app, user.id);
      return now !== undefined && now.attempts >= 2 && now;
    });
    expect(row).toMatchObject({ step: 'stripe', last_error: 'PAYMENT_PROVIDER_UNAVAILABLE' });
    expect(await rowsOf(app, user.id)).toMatchObject({ users: 1, subscriptions: 1, messages: 5 });
    const pauses = app.process.logs.filter(({ msg }) =>
      String(msg).startsWith('An account could not be deleted'),
    );
    expect(pauses.length).toBeGreaterThanOrEqual(2);
    await expectRemoved(app, user);
    await expectEnded(subscriber);
  });

  it('that is gone already, with its customer, stops nothing', async () => {
    const subscriber = await aSubscriber();
    await stripeOf(app).customers.del(subscriber.customer);
    await deleted(app, subscriber.user);
    await expectRemoved(app, subscriber.user);
  });

  it('is canceled although the process dies while Stripe does not answer', async () => {
    const subscriber = await aSubscriber();
    const silent = await aSilentServer();
    await app.process.kill();
    await app.restart({ STRIPE_API_BASE: silent.url });
    await deleted(app, subscriber.user);
    await until('Stripe is asked', () => silent.asked());
    await app.process.kill();
    expect(await rowsOf(app, subscriber.user.id)).toMatchObject({ subscriptions: 1, account_deletions: 1 });
    silent.close();
    await app.restart();
    await expectRemoved(app, subscriber.user);
    await expectEnded(subscriber);
  });

  it('that is bought while the account is being deleted does not outlive it', async () => {
    const { user } = await aSubscriber();
    const late = await stripeOf(app).customers.create({});
    // As a checkout that was under way leaves it: known here only after what there was has ended.
    await app.database.query(`
      CREATE TABLE late AS SELECT '${user.id}'::uuid AS person, '${late.id}'::text AS customer;
      CREATE FUNCTION link_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO subscriptions (user_id, stripe_customer_id) SELECT person, customer FROM late;
        DELETE FROM late; RETURN NULL; END $$;
      CREATE TRIGGER link_late AFTER DELETE ON chatrooms FOR EACH STATEMENT EXECUTE FUNCTION link_late()`);
    try {
      await aRoom(app, user);
      await deleted(app, user);
      await expectRemoved(app, user);
    } finally {
      await app.database.query(
        'DROP TRIGGER link_late ON chatrooms; DROP FUNCTION link_late(); DROP TABLE late',
      );
    }
    expect(await stripeOf(app).customers.retrieve(late.id)).toMatchObject({ deleted: true });
  });
});
