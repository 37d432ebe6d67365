import { type Session, theCode } from '../../test/support/sign-in.js';
import type { TestApp } from '../../test/support/test-app.js';
import type { Case, Subject } from '../harness/case.js';
import type { Request } from '../load/connection.js';
import { addRooms, nextMobile, type Person } from '../support/people.js';

const MEMBERS = 50;
const ROOMS = 20;
const READS_PER_SECOND = 50;
const LOGINS_PER_SECOND = 50;
const PASSWORD = 'a passphrase of mine';

export const logins: Case = {
  name: 'logins',
  about: `what ${LOGINS_PER_SECOND} logins with a password a second do to somebody who lists their rooms`,
  load: `logins that find too many waiting are refused; open loop, ${READS_PER_SECOND} reads a second, quiet and beside the logins`,
  onRequest: true,
  async prepare(bench) {
    const app = await bench.startApp({ PASSWORD_HASH_WAITING_MAX: '100' });
    const { mobiles, person } = await members(app);
    const reads = [{ method: 'GET', path: '/v1/chatrooms', token: person.token }] as const;
    const signIns = mobiles.map((mobile) => ({
      ...{ method: 'POST' as const, path: '/v1/auth/login', body: { mobile, password: PASSWORD } },
    }));
    const seconds = bench.short(20, 2);
    const load = (perSecond: number, requests: readonly Request[], expected: readonly number[]) =>
      bench.client.call('openLoop', { url: app.api.url, perSecond, seconds, requests, expected });
    const subject = (name: string, isBusy: boolean): Subject => ({
      name,
      pid: app.process.pid,
      warmUp: () => load(READS_PER_SECOND, reads, [200]),
      async run(meter) {
        const { result } = await meter.during(() =>
          Promise.all([
            load(READS_PER_SECOND, reads, [200]),
            ...(isBusy ? [load(LOGINS_PER_SECOND, signIns, [200, 503])] : []),
          ]),
        );
        const [read, login] = result;
        return {
          'p50 ms': read['p50 ms'],
          'p99 ms': read['p99 ms'],
          'logins answered/s': login?.['per s'] ?? 0,
        };
      },
    });
    return [subject('beside logins', true), subject('quiet', false)];
  },
  judge: (results) => [
    {
      ...{ what: 'p99 beside logins in those of a quiet server', unit: '', better: 'lower' },
      value: results.ratio('beside logins', 'quiet', 'p99 ms'),
    },
  ],
};

/** People with a password, and one of them with rooms. */
async function members(app: TestApp): Promise<{ mobiles: string[]; person: Person }> {
  const mobiles = Array.from({ length: MEMBERS }, () => nextMobile());
  let person: Person | undefined;
  for (const mobile of mobiles) {
    await app.api.post('/v1/auth/signup', { mobile, password: PASSWORD });
    const otp = await theCode(app, mobile);
    const { body } = await app.api.post<Session>('/v1/auth/verify-otp', { mobile, otp });
    person = { id: body.user.id, mobile, sessionId: '', token: body.accessToken, rooms: [] };
  }
  if (person === undefined) throw new Error('There is nobody');
  await addRooms(app, [person], ROOMS);
  return { mobiles, person };
}
