import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aPrompt, aRoom, aUser, type Room, type SignedIn, theReply } from './support/factories.js';
import { pathsOf, theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';

interface Page {
  data: Room[];
  nextCursor: string | null;
}

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const list = (user: SignedIn, query: Record<string, string> = {}) =>
  app.api.get<Page>(`/v1/chatrooms?${new URLSearchParams(query).toString()}`, user);

async function titles(user: SignedIn, query: Record<string, string> = {}): Promise<(string | null)[]> {
  const { status, body } = await list(user, query);
  expect(status).toBe(200);
  return body.data.map((room) => room.title);
}

async function change(user: SignedIn, room: Room, fields: object): Promise<Room> {
  const { status, body } = await app.api.patch<Room>(`/v1/chatrooms/${room.id}`, fields, user);
  expect(status).toBe(200);
  return body;
}

/** A person with rooms of these titles, the last one newest. */
async function aUserWithRooms(...names: string[]): Promise<[SignedIn, Room[]]> {
  const user = await aUser(app, { tier: 'pro' });
  const rooms: Room[] = [];
  for (const title of names) rooms.push(await aRoom(app, user, { title }));
  return [user, rooms];
}

describe('pinning', () => {
  it('puts rooms first, each group by latest activity, and shows in the very next list', async () => {
    const [user, [a, b, c]] = await aUserWithRooms('a', 'b', 'c');
    expect(await titles(user)).toEqual(['c', 'b', 'a']);
    expect(await change(user, a as Room, { pinned: true })).toMatchObject({ pinned: true, archived: false });
    expect(await titles(user)).toEqual(['a', 'c', 'b']);
    await change(user, b as Room, { pinned: true });
    expect(await titles(user)).toEqual(['b', 'a', 'c']);
    await aPrompt(app, user, c as Room);
    expect(await titles(user)).toEqual(['b', 'a', 'c']);
    await aPrompt(app, user, a as Room);
    expect(await titles(user)).toEqual(['a', 'b', 'c']);
    await change(user, a as Room, { pinned: false });
    expect(await titles(user)).toEqual(['b', 'a', 'c']);
  });

  it('leaves every page exact: each room once, whatever the size of a page', async () => {
    const user = await aUser(app);
    await app.database.query(
      `INSERT INTO chatrooms (user_id, id, title, pinned, archived, last_activity_at)
       SELECT $1, gen_random_uuid(), n, n % 3 = 0, n % 5 = 0, timestamptz '2026-01-01' + (n / 7) * interval '1 second'
       FROM generate_series(1, 60) n`,
      [user.id],
    );
    for (const [archived, count] of [
      ['false', 48],
      ['true', 12],
    ] as const) {
      for (const limit of ['1', '5', '100']) {
        const rooms: Room[] = [];
        for (let cursor: string | null = ''; cursor !== null;) {
          const { body }: { body: Page } = await list(user, {
            archived,
            limit,
            ...(cursor === '' ? {} : { cursor }),
          });
          rooms.push(...body.data);
          cursor = body.nextCursor;
        }
        expect(new Set(rooms.map(({ id }) => id)).size).toBe(count);
        expect(rooms).toHaveLength(count);
        const order = rooms.map((room) => `${room.pinned ? 1 : 0} ${room.lastActivityAt} ${room.id}`);
        expect(order).toEqual([...order].sort().reverse());
      }
    }
  });
});

describe('archiving', () => {
  it('takes a room out of the list and into that of the archived ones, and back', async () => {
    const [user, [a]] = await aUserWithRooms('a', 'b');
    expect([await titles(user), await titles(user, { archived: 'true' })]).toEqual([['b', 'a'], []]);
    expect(await change(user, a as Room, { archived: true })).toMatchObject({ archived: true });
    expect([await titles(user), await titles(user, { archived: 'true' })]).toEqual([['b'], ['a']]);
    expect(await titles(user, { archived: 'false' })).toEqual(['b']);
    await change(user, a as Room, { archived: false });
    expect([await titles(user), await titles(user, { archived: 'true' })]).toEqual([['b', 'a'], []]);
  });

  it('leaves the room working: it answers prompts, and stays archived', async () => {
    const [user, [a]] = await aUserWithRooms('a');
    await change(user, a as Room, { archived: true });
    const reply = await theReply(app, user, await aPrompt(app, user, a as Room));
    expect(reply.status).toBe('completed');
    expect([await titles(user), await titles(user, { archived: 'true' })]).toEqual([[], ['a']]);
  });

  it.each([
    ['pinned', null],
    ['pinned', 'yes'],
    ['archived', null],
    ['archived', 1],
  ])('and pinning refuse %s: %j', async (field, value) => {
    const [user, [a]] = await aUserWithRooms('a');
    const answer = await app.api.patch(`/v1/chatrooms/${a?.id ?? ''}`, { [field]: value }, user);
    expect(pathsOf(theProblem(answer, 400, 'VALIDATION_FAILED'))).toEqual([field]);
  });

  it('and pinning somebody else’s room finds no room', async () => {
    const [owner, [room]] = await aUserWithRooms('mine');
    const stranger = await aUser(app);
    for (const fields of [{ pinned: true }, { archived: true }]) {
      const answer = await app.api.patch(`/v1/chatrooms/${room?.id ?? ''}`, fields, stranger);
      theProblem(answer, 404, 'CHATROOM_NOT_FOUND');
    }
    expect((await list(owner)).body.data).toEqual([room]);
  });
});

describe('a search by title', () => {
  it('finds a part of it, whatever the case, and nothing without a title', async () => {
    const [user] = await aUserWithRooms('Holiday plans', 'ÜBER alles', 'Plan B');
    await aRoom(app, user, {});
    expect(await titles(user, { q: 'PLAN' })).toEqual(['Plan B', 'Holiday plans']);
    expect(await titles(user, { q: ' day p ' })).toEqual(['Holiday plans']);
    expect(await titles(user, { q: 'über' })).toEqual(['ÜBER alles']);
    expect(await titles(user, { q: 'none of them' })).toEqual([]);
  });

  it('takes every character for itself', async () => {
    const names = ['100% sure', '100 sure', 'a_b', 'axb', String.raw`C:\temp`, "it's", 'C:temp'];
    const [user] = await aUserWithRooms(...names);
    expect(await titles(user, { q: '%' })).toEqual(['100% sure']);
    expect(await titles(user, { q: 'a_b' })).toEqual(['a_b']);
    expect(await titles(user, { q: '\\' })).toEqual([String.raw`C:\temp`]);
    expect(await titles(user, { q: `it's` })).toEqual(["it's"]);
    expect(await titles(user, { q: `' OR 1=1 --` })).toEqual([]);
  });

  it('is fresh: a room that was renamed is found by its new title alone', async () => {
    const [user, [room]] = await aUserWithRooms('old');
    expect(await titles(user, { q: 'old' })).toEqual(['old']);
    await change(user, room as Room, { title: 'new' });
    expect([await titles(user, { q: 'old' }), await titles(user, { q: 'new' })]).toEqual([[], ['new']]);
  });

  it('sees only the person’s own rooms, archived ones when asked', async () => {
    const [user, [a]] = await aUserWithRooms('plan a', 'plan b');
    await aUserWithRooms('plan of a stranger');
    await change(user, a as Room, { archived: true });
    expect(await titles(user, { q: 'plan' })).toEqual(['plan b']);
    expect(await titles(user, { q: 'plan', archived: 'true' })).toEqual(['plan a']);
  });

  it.each<Record<string, string>>([
    { q: '' },
    { q: '  ' },
    { q: 'x'.repeat(201) },
    { archived: 'maybe' },
    { archived: '' },
  ])('refuses %j', async (query) => {
    theProblem(await list(await aUser(app), query), 400, 'VALIDATION_FAILED');
  });

  it('refuses characters that cannot be stored', async () => {
    theProblem(await list(await aUser(app), { q: 'a\0b' }), 400, 'INVALID_TEXT');
  });
});

it('a cursor is good for its own filter alone', async () => {
  const [user, rooms] = await aUserWithRooms('x1', 'x2', 'x3', 'x4');
  await change(user, rooms[0] as Room, { archived: true });
  await change(user, rooms[1] as Room, { archived: true });
  const cursorOf = async (query: Record<string, string>): Promise<string> =>
    (await list(user, { ...query, limit: '1' })).body.nextCursor ?? '';
  const filters: Record<string, string>[] = [
    {},
    { archived: 'true' },
    { q: 'x' },
    { q: 'x', archived: 'true' },
  ];
  for (const made of filters) {
    const cursor = await cursorOf(made);
    for (const used of filters) {
      const answer = await list(user, { ...used, cursor });
      if (used === made) expect(answer.status).toBe(200);
      else theProblem(answer, 400, 'INVALID_CURSOR');
    }
  }
});
