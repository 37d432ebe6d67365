import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { changeCode, confirmChange } from './support/account.js';
import { eventsOf } from './support/auth-events.js';
import { aMobile, aUser } from './support/factories.js';
import { theProblem } from './support/problem.js';
import { me, notThe, theCode, verify } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('a number that has an account', () => {
  it('is not told apart before it is proven, and refused then', async () => {
    const [user, owner] = [await aUser(app), await aUser(app)];
    const ask = (mobile: string) => app.api.post<object>('/v1/users/me/mobile', { mobile }, user);
    const [known, unknown] = [await ask(owner.mobile), await ask(aMobile())];
    expect(known.status).toBe(unknown.status);
    expect(Object.keys(known.body)).toEqual(Object.keys(unknown.body));
    const otp = (known.body as { otp: string }).otp;
    theProblem(await confirmChange(app, user, owner.mobile, notThe(otp)), 400, 'OTP_INVALID');
    theProblem(await confirmChange(app, user, owner.mobile, otp), 409, 'MOBILE_TAKEN');
    expect((await me(app, user.token)).body.mobile).toBe(user.mobile);
    expect((await me(app, owner.token)).body.mobile).toBe(owner.mobile);
    expect(
      (await eventsOf(app, user.token)).some(
        ({ outcome, kind }) => kind === 'number_changed' && outcome === 'succeeded',
      ),
    ).toBe(false);
  });

  it('goes to one of two people who confirm it at the same moment', async () => {
    for (let round = 0; round < 8; round += 1) {
      const people = await Promise.all([aUser(app), aUser(app), aUser(app)]);
      const mobile = aMobile();
      const codes: string[] = [];
      for (const person of people) codes.push(await changeCode(app, person, mobile));
      const answers = await Promise.all(
        people.map((person, n) => confirmChange(app, person, mobile, codes[n] ?? '')),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
      for (const answer of answers) if (answer.status !== 200) theProblem(answer, 409, 'MOBILE_TAKEN');
      expect(await holders(mobile)).toBe(1);
    }
  });

  it('has one account, also where somebody signs up with it at the same moment', async () => {
    for (let round = 0; round < 8; round += 1) {
      const user = await aUser(app);
      const mobile = aMobile();
      const [otp, signIn] = [await changeCode(app, user, mobile), await theCode(app, mobile)];
      const [changed, signedIn] = await Promise.all([
        confirmChange(app, user, mobile, otp),
        verify(app, mobile, signIn),
      ]);
      expect(signedIn.status).toBe(200);
      expect([200, 409]).toContain(changed.status);
      if (changed.status === 200) expect(signedIn.body.user.id).toBe(user.id);
      expect(await holders(mobile)).toBe(1);
    }
  });

  it('does not let the old number in that is proven while it is given up', async () => {
    for (let round = 0; round < 8; round += 1) {
      const user = await aUser(app);
      const mobile = aMobile();
      const [otp, signIn] = [await changeCode(app, user, mobile), await theCode(app, user.mobile)];
      const [changed, signedIn] = await Promise.all([
        confirmChange(app, user, mobile, otp),
        verify(app, user.mobile, signIn),
      ]);
      expect(changed.status).toBe(200);
      // Before the change it was their own, and ended with it; after it, it is somebody new.
      if (signedIn.status !== 200) theProblem(signedIn, 400, 'OTP_INVALID');
      else if (signedIn.body.user.id === user.id)
        theProblem(await me(app, signedIn.body.accessToken), 401, 'UNAUTHENTICATED');
    }
  });
});

async function holders(mobile: string): Promise<number> {
  const { rowCount } = await app.database.query('SELECT FROM users WHERE mobile = $1', [mobile]);
  return rowCount ?? 0;
}
