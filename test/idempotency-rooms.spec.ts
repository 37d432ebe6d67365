import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Answer, Problem } from './support/api.js';
import { aUser, type Room, type SignedIn } from './support/factories.js';
import { aKey, isReplayed, times } from './support/keyed.js';
import { pathsOf } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';

let app: TestApp;
let user: SignedIn;
beforeAll(async () => {
  app = await startTestApp();
});
beforeAll(async () => {
  user = await aUser(app);
});
afterAll(() => app.stop());

const make = (key: string, fields: object = { title: 'Keyed' }, by = user): Promise<Answer<Room & Problem>> =>
  app.api.post('/v1/chatrooms', fields, { token: by.token, headers: { 'idempotency-key': key } });

const roomsOf = async ({ id }: SignedIn): Promise<number> => {
  const { rows } = await app.database.query<{ count: number }>(
    'SELECT count(*)::int FROM chatrooms WHERE user_id = $1',
    [id],
  );
  return rows[0]?.count ?? NaN;
};

it('a room that is asked for again is the one that was made', async () => {
  const somebody = await aUser(app);
  const key = aKey();
  const first = await make(key, { title: 'Keyed' }, somebody);
  const second = await make(key, { title: 'Keyed' }, somebody);
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body).toEqual(first.body);
  expect([isReplayed(first), isReplayed(second)]).toEqual([false, true]);
  expect(await roomsOf(somebody)).toBe(1);
});

it('20 twins at once make one room', async () => {
  const somebody = await aUser(app);
  const key = aKey();
  const answers = await times(20, () => make(key, { title: 'Twin' }, somebody));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(await roomsOf(somebody)).toBe(1);
});

it('a key stands for one request of one person', async () => {
  const somebody = await aUser(app);
  const key = aKey();
  const { body } = await make(key);
  expect((await make(key, { title: 'Another' })).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
  const theirs = await make(key, { title: 'Keyed' }, somebody);
  expect(theirs.status).toBe(201);
  expect(theirs.body.id).not.toBe(body.id);
});

it('a request that was refused uses no key up', async () => {
  const key = aKey();
  expect(pathsOf((await make(key, { title: '' })).body)).toEqual(['title']);
  expect((await make(key, { title: 'Right' })).status).toBe(201);
});

it('a room comes again as it is now, and not at all once it was deleted', async () => {
  const key = aKey();
  const { body: room } = await make(key);
  await app.api.patch(`/v1/chatrooms/${room.id}`, { title: 'Renamed' }, { token: user.token });
  expect((await make(key)).body.title).toBe('Renamed');
  await app.api.delete(`/v1/chatrooms/${room.id}`, { token: user.token });
  expect((await make(key)).body.code).toBe('CHATROOM_NOT_FOUND');
});
