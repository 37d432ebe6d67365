import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Problem } from './support/api.js';
import { type Accepted, aPrompt, aRoom, aUser, type Message, theReply } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';

interface Page {
  data: Message[];
  nextCursor: string | null;
}

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('a prompt', () => {
  it('is accepted at once, with its pending reply and where to find it', async () => {
    const user = await aUser(app);
    const room = await aRoom(app, user);
    const accepted = await aPrompt(app, user, room, 'Hello');
    const { prompt, reply, links } = accepted;
    const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    const nothingYet = {
      ...{ finishReason: null, model: null, promptTokens: null, outputTokens: null },
      ...{ version: 1, lastVersion: null, versionOf: null },
      ...{ turnsLeftOut: null, firstTokenMs: null, totalMs: null },
    };
    expect(prompt).toEqual({
      ...nothingYet,
      id: expect.stringMatching(UUID_V7),
      chatroomId: room.id,
      role: 'user',
      content: 'Hello',
      status: 'completed',
      promptId: null,
      createdAt: expect.any(String),
      finishedAt: prompt.createdAt,
    });
    expect(reply).toEqual({
      ...nothingYet,
      id: expect.stringMatching(UUID_V7),
      chatroomId: room.id,
      role: 'model',
      content: '',
      status: 'pending',
      promptId: prompt.id,
      createdAt: prompt.createdAt,
      finishedAt: null,
    });
    const messages = `/v1/chatrooms/${room.id}/messages`;
    expect(links).toEqual({
      reply: `${messages}/${reply.id}`,
      wait: `${messages}/${reply.id}?wait=30`,
      cancel: `${messages}/${reply.id}/cancel`,
      regenerate: `${messages}/${reply.id}/regenerate`,
      messages,
    });
    expect(await theReply(app, user, accepted)).toEqual({
      ...reply,
      content: expect.stringContaining('You said: “Hello”'),
      status: 'completed',
      finishReason: 'STOP',
      model: 'gemini-3.8-flash',
      promptTokens: expect.any(Number),
      outputTokens: expect.any(Number),
      turnsLeftOut: 0,
      firstTokenMs: expect.any(Number),
      totalMs: expect.any(Number),
      finishedAt: expect.any(String),
    });
    expect((await app.api.get(`${messages}/${prompt.id}`, user)).body).toEqual(prompt);
  });

  it.each([
    ['blank', { content: ' \n\t ' }],
    ['empty', { content: '' }],
    ['missing', {}],
    ['a number', { content: 7 }],
    ['16,001 characters', { content: 'x'.repeat(16_001) }],
    ['with a field that is ours', { content: 'Hello', role: 'model' }],
  ])('whose content is %s is refused and leaves nothing', async (_what, body) => {
    const user = await aUser(app);
    const room = await aRoom(app, user);
    const messages = `/v1/chatrooms/${room.id}/messages`;
    const answer = await app.api.post<Problem>(messages, body, user);
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    expect((await app.api.get<Page>(messages, user)).body).toEqual({ data: [], nextCursor: null });
  });

  it.each([
    ['16,000 characters', 'x'.repeat(16_000)],
    ['16,000 characters of four bytes each', '😀'.repeat(16_000)],
    ['emoji, combined ones too', '👩‍👩‍👧‍👦 🏳️‍🌈 🇵🇹 ❤️'],
    ['right-to-left text', 'שלום עולם ‏مرحبا‎ (123)'],
    ['quotes, backslashes, line ends and controls', `"'\\ \r\n\t\u0001\u2028 $1 {{x}} </script> %s`],
    ['decomposed letters and blanks around', '  e\u0301 𝒳 漢字 '],
  ])('of %s comes back unchanged, and so it reaches the model', async (_what, content) => {
    const user = await aUser(app);
    const accepted = await aPrompt(app, user, await aRoom(app, user), content);
    expect(await theReply(app, user, accepted)).toMatchObject({ status: 'completed' });
    const { body } = await app.api.get<Page>(accepted.links.messages, user);
    expect(body.data[1]).toMatchObject({ role: 'user', content });
    expect(app.gemini.requests.at(-1)?.body.contents).toEqual([{ role: 'user', parts: [{ text: content }] }]);
  });
});

describe('the list of messages', () => {
  it('brings the whole conversation, newest first, page by page, prompts told from replies', async () => {
    const user = await aUser(app, { tier: 'pro' });
    const room = await aRoom(app, user);
    const sent: Accepted[] = [];
    for (let n = 0; n < 5; n += 1) sent.push(await aPrompt(app, user, room, `prompt ${n}`));
    await theReply(app, user, sent[4] as Accepted);

    const path = `/v1/chatrooms/${room.id}/messages`;
    const whole = (await app.api.get<Page>(path, user)).body;
    expect(whole.nextCursor).toBeNull();
    expect(whole.data.map(({ role, promptId, id }) => ({ role, promptId, id }))).toEqual(
      sent.toReversed().flatMap(({ prompt, reply }) => [
        { role: 'model', promptId: prompt.id, id: reply.id },
        { role: 'user', promptId: null, id: prompt.id },
      ]),
    );
    const paged: Message[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: Page = (await app.api.get<Page>(`${path}?limit=3${after}`, user)).body;
      paged.push(...page.data);
      cursor = page.nextCursor;
      // What comes in between is newer than every page.
      if (cursor !== null) await aPrompt(app, user, room, 'in between');
    }
    expect(paged).toEqual(whole.data);
    expect(await app.api.get(`${path}?limit=101`, user)).toMatchObject({ status: 400 });
  });

  it('takes only a cursor of the same room', async () => {
    const user = await aUser(app);
    const [room, other] = [await aRoom(app, user), await aRoom(app, user)];
    await aPrompt(app, user, room);
    const path = `/v1/chatrooms/${room.id}/messages`;
    const { nextCursor } = (await app.api.get<Page>(`${path}?limit=1`, user)).body;
    for (const answer of [
      await app.api.get(`/v1/chatrooms/${other.id}/messages?cursor=${nextCursor}`, user),
      await app.api.get(`${path}?cursor=${nextCursor?.slice(3)}`, user),
    ]) {
      expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_CURSOR' } });
    }
  });
});

describe('one message', () => {
  it('is found in its own room by its own person, and nowhere else', async () => {
    const [user, stranger] = [await aUser(app), await aUser(app)];
    const [room, other] = [await aRoom(app, user), await aRoom(app, user)];
    const strangersRoom = await aRoom(app, stranger);
    const accepted = await aPrompt(app, user, room);
    await theReply(app, user, accepted);
    const { id } = accepted.reply;
    for (const answer of [
      await app.api.get(`/v1/chatrooms/${other.id}/messages/${id}`, user),
      await app.api.get(`/v1/chatrooms/${strangersRoom.id}/messages/${id}`, stranger),
      await app.api.get(`/v1/chatrooms/${room.id}/messages/${id}?wait=5`, stranger),
      await app.api.get(`/v1/chatrooms/${room.id}/messages/${room.id}`, user),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'MESSAGE_NOT_FOUND' } });
    }
    for (const path of [`/v1/chatrooms/${room.id}/messages/1`, `/v1/chatrooms/1/messages/${id}`]) {
      expect(await app.api.get(path, user)).toMatchObject({
        status: 400,
        body: { code: 'VALIDATION_FAILED' },
      });
    }
  });

  it('is answered as soon as it is final, and after the wait as it is', async () => {
    const user = await aUser(app);
    const room = await aRoom(app, user);
    const accepted = await aPrompt(app, user, room, '[[slow 1500]] Hello');
    const began = performance.now();
    const early = await app.api.get<Message>(`${accepted.links.reply}?wait=1`, user);
    expect(performance.now() - began).toBeGreaterThanOrEqual(990);
    expect(early).toMatchObject({
      status: 200,
      body: { status: 'streaming', content: '', finishedAt: null },
    });

    const waiters = Array.from({ length: 5 }, () => theReply(app, user, accepted));
    const finals = await Promise.all(waiters);
    for (const final of finals) expect(final).toMatchObject({ status: 'completed' });
    // Far below the wait of 30 s, and below the 2 s after which a waiter looks for itself.
    expect(performance.now() - began).toBeLessThan(2900);

    for (const wait of ['-1', '31', '1.5', 'long']) {
      const answer = await app.api.get(`${accepted.links.reply}?wait=${wait}`, user);
      expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    }
  });
});
