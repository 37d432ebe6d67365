import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aPrompt, aRoom, aUser, type Room, type SignedIn, theReply } from './support/factories.js';
import { pathsOf, theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';

interface Hit {
  id: string;
  chatroomId: string;
  chatroomTitle: string | null;
  role: 'user' | 'model';
  createdAt: string;
  highlight: { text: string; match: boolean }[];
}

interface Page {
  data: Hit[];
  nextCursor: string | null;
}

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const search = (user: SignedIn, query: Record<string, string>) =>
  app.api.get<Page>(`/v1/messages/search?${new URLSearchParams(query).toString()}`, user);

async function hits(user: SignedIn, q: string): Promise<Hit[]> {
  const { status, body } = await search(user, { q, limit: '100' });
  expect({ status, body }).toMatchObject({ status: 200 });
  return body.data;
}

const textOf = (hit: Hit | undefined): string => (hit?.highlight ?? []).map(({ text }) => text).join('');
const texts = async (user: SignedIn, q: string): Promise<string[]> => (await hits(user, q)).map(textOf);
const matches = (hit: Hit | undefined): string[] =>
  (hit?.highlight ?? []).flatMap(({ text, match }) => (match ? [text] : []));

/** Prompts as if they had been sent, one a text, in this order. */
async function messages(user: SignedIn, room: Room, contents: string[], status = 'completed'): Promise<void> {
  await app.database.query(
    `INSERT INTO messages (user_id, id, chatroom_id, role, content, status, finished_at)
     SELECT $1, overlay(gen_random_uuid()::text PLACING lpad(to_hex(n), 8, '0') FROM 1)::uuid, $2, 'user', content, $4, now()
     FROM unnest($3::text[]) WITH ORDINALITY t(content, n)`,
    [user.id, room.id, contents, status],
  );
}

async function aUserWith(...contents: string[]): Promise<SignedIn> {
  const user = await aUser(app);
  await messages(user, await aRoom(app, user), contents);
  return user;
}

describe('a search', () => {
  it('finds prompts and finished replies in all rooms, archived ones too', async () => {
    const user = await aUser(app);
    const room = await aRoom(app, user, { title: 'Holiday' });
    const sent = await aPrompt(app, user, room, 'Tell me about Lisbon');
    const reply = await theReply(app, user, sent);
    await app.api.patch(`/v1/chatrooms/${room.id}`, { archived: true }, user);

    const found = await hits(user, 'lisbon');
    const prompt = found.find(({ role }) => role === 'user');
    expect(prompt).toEqual({
      id: sent.prompt.id,
      chatroomId: room.id,
      chatroomTitle: 'Holiday',
      role: 'user',
      createdAt: sent.prompt.createdAt,
      highlight: [
        { text: 'Tell me about ', match: false },
        { text: 'Lisbon', match: true },
      ],
    });
    const word = /\p{L}{5,}/u.exec(reply.content)?.[0] ?? '';
    expect((await hits(user, word)).map(({ id }) => id)).toContain(reply.id);
  });

  it('reads the query as people write it on the web', async () => {
    const user = await aUserWith('red wine', 'wine red and white', 'white wine', 'beer');
    const sorted = async (q: string): Promise<string[]> => (await texts(user, q)).sort();
    expect(await sorted('red wine')).toEqual(['red wine', 'wine red and white']);
    expect(await sorted('"red wine"')).toEqual(['red wine']);
    expect(await sorted('white or beer')).toEqual(['beer', 'white wine', 'wine red and white']);
    expect(await sorted('wine -red')).toEqual(['white wine']);
    expect(await sorted('-wine')).toEqual(['beer']);
    expect(await sorted('vodka')).toEqual([]);
  });

  it('puts the better match first, and the newer one of two that are equal', async () => {
    const user = await aUserWith(
      `one tea among ${'many other words '.repeat(20)}`,
      'tea older',
      'tea tea tea',
      'tea newer',
    );
    const found = await texts(user, 'tea');
    expect(found.slice(0, 3)).toEqual(['tea tea tea', 'tea newer', 'tea older']);
    expect(found).toHaveLength(4);
  });

  it('ignores case in every language, and finds what stands inside of markup', async () => {
    const user = await aUserWith('Größe ÜBER Москва', 'Use <section class="wide"> & go');
    expect(await texts(user, 'über')).toHaveLength(1);
    expect(await texts(user, 'МОСКВА')).toHaveLength(1);
    expect(await texts(user, '<section>')).toEqual(['Use <section class="wide"> & go']);
  });

  it.each(['!?', '"', '-', '&', '( | ) : *', '<->', '…'])(
    'finds nothing by %j, which holds no word',
    async (q) => {
      expect(await hits(await aUserWith('anything at all !?'), q)).toEqual([]);
    },
  );

  it.each([
    `' OR 1=1 --`,
    `'); DROP TABLE messages; --`,
    'a & | ! b',
    ':*',
    'foo:*',
    String.raw`\'`,
    '%',
    '_',
    '"unclosed',
    '-'.repeat(200),
    '😀'.repeat(200),
    'x'.repeat(200),
  ])('is text and nothing else: %j', async (q) => {
    expect(await hits(await aUserWith('unrelated'), q)).toEqual([]);
  });

  it.each<Record<string, string>>([
    {},
    { q: '' },
    { q: '   ' },
    { q: 'x'.repeat(201) },
    { q: 'a\u{fe0f}'.repeat(400) },
    { q: 'a', limit: '101' },
    { q: 'a', colour: 'red' },
  ])('refuses %j', async (query) => {
    theProblem(await search(await aUser(app), query), 400, 'VALIDATION_FAILED');
  });

  it('refuses two queries, and characters that no text holds', async () => {
    const user = await aUser(app);
    const twice = await app.api.get('/v1/messages/search?q=a&q=b', user);
    expect(pathsOf(theProblem(twice, 400, 'VALIDATION_FAILED'))).toEqual(['q']);
    theProblem(await search(user, { q: 'a\0b' }), 400, 'INVALID_TEXT');
  });
});

describe('what is highlighted', () => {
  it('is plain text: markup and marks of our own stay what they were', async () => {
    const text = `<script>alert("tea")</script> <b>tea</b> &amp; [match]tea[/match] \u0001\u0002`;
    const [hit] = await hits(await aUserWith(text), 'tea');
    expect(textOf(hit)).toBe(text);
    expect(matches(hit)).toEqual(['tea', 'tea', 'tea']);
  });

  it('takes no time that a text can make long', async () => {
    const user = await aUserWith(...Array.from({ length: 30 }, () => 'a '.repeat(8000)));
    const start = performance.now();
    expect(await hits(user, 'a '.repeat(100))).toHaveLength(30);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('is a short part of a long text, around what was found', async () => {
    const user = await aUserWith(`${'before '.repeat(500)}needle ${'after '.repeat(500)}`);
    const [hit] = await hits(user, 'NEEDLE');
    expect(matches(hit)).toEqual(['needle']);
    expect(textOf(hit).length).toBeLessThan(400);
  });
});

describe('the owner', () => {
  it('finds nothing of another person, not even by their id', async () => {
    const [owner, stranger] = [await aUserWith('my secret plan'), await aUserWith('something else')];
    for (const q of ['secret', 'secret or else', `"${owner.id}"`, ` ${owner.id} or secret`, '-nothing']) {
      for (const text of await texts(stranger, q)) expect(text).toBe('something else');
    }
    expect(await texts(owner, 'secret')).toEqual(['my secret plan']);
    expect(await texts(owner, owner.id)).toEqual([]);
  });
});

it.each(['pending', 'streaming', 'failed', 'blocked'])('a reply that is %s is not found', async (status) => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  await messages(user, room, ['half a tea'], status);
  expect(await texts(user, 'tea')).toEqual([]);
});

it('a reply that was cancelled is found by the text it has', async () => {
  const user = await aUser(app);
  await messages(user, await aRoom(app, user), ['half a tea', ''], 'cancelled');
  expect(await texts(user, 'tea or -tea')).toEqual(['half a tea']);
});

it('a text of any size and shape is stored, and its beginning is found', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  const shapes = ['𝒳-', '𝒳a.', '𝒳/', 'x@', 'ab-', '1.', '<a ', 'http://'].map((shape) =>
    shape.repeat(40_000),
  );
  const words = Array.from({ length: 40_000 }, (_, n) => `w${n}`).join(' ');
  await messages(user, room, [...shapes.map((shape) => `start ${shape}`), `start ${words}`]);
  expect(await hits(user, 'start')).toHaveLength(shapes.length + 1);
});

describe('the pages', () => {
  it('bring every hit exactly once, also where many share a rank', async () => {
    const user = await aUserWith(
      ...Array.from({ length: 60 }, (_, n) => `tea ${'tea '.repeat(n % 4)}${'x '.repeat(n % 3)}`),
    );
    await aUserWith('tea of a stranger');
    const all = (await hits(user, 'tea')).map(({ id }) => id);
    expect(new Set(all).size).toBe(60);
    for (const limit of ['1', '7', '59', '60']) {
      const paged: string[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const query = { q: 'tea', limit, ...(cursor === '' ? {} : { cursor }) };
        const { body }: { body: Page } = await search(user, query);
        paged.push(...body.data.map(({ id }) => id));
        cursor = body.nextCursor;
      }
      expect(paged).toEqual(all);
    }
  });

  it('take only their own cursor: not one that was changed, of other words, another person or another list', async () => {
    const [user, other] = [await aUserWith('tea 1', 'tea 2'), await aUserWith('tea 1', 'tea 2')];
    await aRoom(app, user);
    const { nextCursor } = (await search(user, { q: 'tea', limit: '1' })).body;
    const cursor = nextCursor ?? '';
    const ofRooms = (await app.api.get<Page>('/v1/chatrooms?limit=1', user)).body.nextCursor ?? '';
    const changed = cursor.slice(0, 20) + (cursor[20] === 'A' ? 'B' : 'A') + cursor.slice(21);
    for (const answer of [
      await search(user, { q: 'tea', cursor: changed }),
      await search(user, { q: 'tea', cursor: ofRooms }),
      await search(user, { q: 'tee', cursor }),
      await search(other, { q: 'tea', cursor }),
      await app.api.get(`/v1/chatrooms?cursor=${cursor}`, user),
    ]) {
      theProblem(answer, 400, 'INVALID_CURSOR');
    }
    expect((await search(user, { q: 'tea', cursor })).body.data).toHaveLength(1);
  });
});
