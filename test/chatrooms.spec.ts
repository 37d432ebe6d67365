import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Problem } from './support/api.js';
import { aPrompt, aRoom, aUser, type Message, type Room, type SignedIn } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';

interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const roomsOf = (user: SignedIn, query = '') =>
  app.api.get<Page<Room>>(`/v1/chatrooms${query}`, { token: user.token });

/** Every page of the list, one after the other. */
async function allPages(
  user: SignedIn,
  limit: number,
  betweenPages?: () => Promise<unknown>,
): Promise<Room[]> {
  const rooms: Room[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = cursor === '' ? '' : `&cursor=${cursor}`;
    const { status, body } = await roomsOf(user, `?limit=${limit}${query}`);
    expect(status).toBe(200);
    expect(body.data.length).toBeLessThanOrEqual(limit);
    rooms.push(...body.data);
    cursor = body.nextCursor;
    if (cursor !== null) await betweenPages?.();
  }
  return rooms;
}

/** Rooms made straight in the database, so that they can share a moment. */
async function roomsInTies(user: SignedIn, count: number): Promise<string[]> {
  const { rows } = await app.database.query<{ id: string }>(
    `INSERT INTO chatrooms (user_id, id, title, last_activity_at)
     SELECT $1, gen_random_uuid(), 'room ' || n, timestamptz '2026-01-01' + (n / 7) * interval '1 second'
     FROM generate_series(1, $2::int) n RETURNING id`,
    [user.id, count],
  );
  return rows.map(({ id }) => id);
}

describe('a room', () => {
  it('is made, read, changed and deleted', async () => {
    const user = await aUser(app);
    const room = await aRoom(app, user, { title: '  Holiday plans ', systemInstruction: 'Be brief.' });
    expect(room).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/),
      title: 'Holiday plans',
      version: 1,
      systemInstruction: 'Be brief.',
      model: null,
      pinned: false,
      archived: false,
      lastActivityAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    const path = `/v1/chatrooms/${room.id}`;
    expect((await app.api.get(path, user)).body).toEqual(room);

    const changed = await app.api.patch<Room>(
      path,
      { title: 'Lisbon', model: 'gemini-3.5-flash-lite' },
      user,
    );
    expect(changed.body).toMatchObject({
      title: 'Lisbon',
      systemInstruction: 'Be brief.',
      model: 'gemini-3.5-flash-lite',
      lastActivityAt: room.lastActivityAt,
    });

    const removed = await app.api.delete(path, user);
    expect([removed.status, removed.body]).toEqual([204, '']);
    for (const again of [await app.api.get(path, user), await app.api.delete(path, user)]) {
      expect(again).toMatchObject({ status: 404, body: { code: 'CHATROOM_NOT_FOUND' } });
    }
  });

  it('needs no field, loses a value by null, and keeps everything by an empty change', async () => {
    const user = await aUser(app);
    const bare = await aRoom(app, user, {});
    expect(bare).toMatchObject({ title: null, systemInstruction: null, model: null });

    const room = await aRoom(app, user, { title: 'T', systemInstruction: 'S', model: 'gemini-3.8-flash' });
    const path = `/v1/chatrooms/${room.id}`;
    expect((await app.api.patch(path, {}, user)).body).toEqual(room);
    const { body } = await app.api.patch(path, { title: null, systemInstruction: null, model: null }, user);
    expect(body).toMatchObject({ title: null, systemInstruction: null, model: null });
  });

  it.each([
    ['a blank title', { title: '   ' }, 'title'],
    ['a title of 201 characters', { title: 'x'.repeat(201) }, 'title'],
    ['a title that is no text', { title: 7 }, 'title'],
    ['too long an instruction', { systemInstruction: 'x'.repeat(8001) }, 'systemInstruction'],
    ['a model that is not offered', { model: 'gemini-of-tomorrow' }, 'model'],
    ['a model that is no name', { model: '../../secrets' }, 'model'],
    ['an unknown field', { colour: 'red' }, 'colour'],
    ['an owner', { userId: '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d' }, 'userId'],
  ])('is refused with %s, when made and when changed', async (_what, fields, path) => {
    const user = await aUser(app);
    const room = await aRoom(app, user);
    for (const answer of [
      await app.api.post<Problem>('/v1/chatrooms', fields, user),
      await app.api.patch<Problem>(`/v1/chatrooms/${room.id}`, fields, user),
    ]) {
      expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
      expect(answer.body.errors?.[0]?.path).toBe(path);
    }
    expect((await roomsOf(user)).body.data).toEqual([room]);
  });

  it('of another person is no room: it cannot be read, changed, deleted or written to', async () => {
    const [owner, stranger] = [await aUser(app), await aUser(app)];
    const room = await aRoom(app, owner);
    const accepted = await aPrompt(app, owner, room);
    const path = `/v1/chatrooms/${room.id}`;
    const { token } = stranger;
    for (const answer of [
      await app.api.get(path, { token }),
      await app.api.patch(path, { title: 'Mine now' }, { token }),
      await app.api.patch(path, {}, { token }),
      await app.api.delete(path, { token }),
      await app.api.post(`${path}/messages`, { content: 'Hello' }, { token }),
      await app.api.get(`${path}/messages`, { token }),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'CHATROOM_NOT_FOUND' } });
    }
    expect(await app.api.get(accepted.links.reply, { token })).toMatchObject({ status: 404 });
    expect((await app.api.get(path, owner)).body).toMatchObject({ title: room.title });
    const { body } = await app.api.get<Page<Message>>(`${path}/messages`, owner);
    expect(body.data).toHaveLength(2);
    expect((await roomsOf(stranger)).body.data).toEqual([]);
  });
});

describe('the list of rooms', () => {
  it('brings every room exactly once, page by page, also when many share a moment', async () => {
    const user = await aUser(app);
    const ids = await roomsInTies(user, 45);
    for (const limit of [1, 7, 44, 45, 100]) {
      const listed = (await allPages(user, limit)).map((room) => room.id);
      expect(listed).toHaveLength(45);
      expect(new Set(listed)).toEqual(new Set(ids));
    }
    const times = (await allPages(user, 20)).map((room) => room.lastActivityAt);
    expect(times).toEqual([...times].sort().reverse());
    expect((await roomsOf(user)).body.data).toHaveLength(20);
  });

  it('neither skips nor repeats a room while others are made and deleted', async () => {
    const user = await aUser(app);
    const ids = await roomsInTies(user, 45);
    const listed = await allPages(user, 10, async () => {
      await aRoom(app, user, {});
      const made = await aRoom(app, user, {});
      await app.api.delete(`/v1/chatrooms/${made.id}`, user);
    });
    expect(listed.map((room) => room.id).sort()).toEqual([...ids].sort());
  });

  it.each(['limit=0', 'limit=101', 'limit=-1', 'limit=1.5', 'limit=many', 'limit=1&limit=2', 'page=2'])(
    'refuses ?%s',
    async (query) => {
      const answer = await roomsOf(await aUser(app), `?${query}`);
      expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    },
  );

  it('takes only its own cursor: not one that was changed, of another person or of another list', async () => {
    const [user, other] = [await aUser(app), await aUser(app)];
    await roomsInTies(user, 3);
    const room = await aRoom(app, user);
    await aPrompt(app, user, room);
    const cursor = (await roomsOf(user, '?limit=1')).body.nextCursor ?? '';
    const messages = `/v1/chatrooms/${room.id}/messages`;
    const ofMessages = (await app.api.get<Page<Message>>(`${messages}?limit=1`, user)).body.nextCursor ?? '';
    const middle = Math.floor(cursor.length / 2);
    const changed = cursor.slice(0, middle) + (cursor[middle] === 'A' ? 'B' : 'A') + cursor.slice(middle + 1);
    for (const answer of [
      await roomsOf(user, `?cursor=${changed}`),
      await roomsOf(user, `?cursor=${cursor.slice(0, 10)}`),
      await roomsOf(user, '?cursor='),
      await roomsOf(user, '?cursor=null'),
      await roomsOf(user, `?cursor=${ofMessages}`),
      await roomsOf(other, `?cursor=${cursor}`),
      await app.api.get(`${messages}?cursor=${cursor}`, user),
    ]) {
      expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_CURSOR' } });
    }
    expect((await roomsOf(user, `?cursor=${cursor}`)).status).toBe(200);
  });
});
