import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Conversation, contentsFor, flat } from './support/conversation.js';
import { type Accepted, aPrompt, type Message } from './support/factories.js';
import { aKey, isReplayed, times } from './support/keyed.js';
import { startTestApp, type TestApp } from './support/test-app.js';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ BASIC_DAILY_PROMPTS: '8' });
});
afterEach(() => {
  app.gemini.behave();
  app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
});
afterAll(() => app.stop());

describe('a regenerated reply', () => {
  it('answers the same prompt anew; the earlier one stays readable, and is left out of the context', async () => {
    const talk = await Conversation.begin(app);
    const third = talk.at(2);
    const { status, body } = await talk.regenerate(third.reply);
    expect(status).toBe(202);
    expect(body.prompt).toMatchObject({ id: third.prompt, content: 'three', lastVersion: null });
    expect(body.reply).toMatchObject({
      ...{ promptId: third.prompt, versionOf: third.reply, version: 2, lastVersion: null, status: 'pending' },
    });
    const reply = await talk.reply(body);
    expect(reply).toMatchObject({ status: 'completed', content: expect.stringContaining('three') });
    expect(contentsFor(app, 'three')).toHaveLength(5);

    expect(await talk.ids()).toEqual([...flat(talk.turns.slice(0, 2)), third.prompt, reply.id]);
    expect(await talk.ids('?version=2')).toEqual(await talk.ids());
    expect(await talk.ids('?version=1')).toEqual(flat(talk.turns));
    expect(await talk.ids(`/${reply.id}/versions`)).toEqual([third.reply, reply.id]);
    expect(await talk.ids(`/${third.reply}/versions`)).toEqual([third.reply, reply.id]);
    const earlier = await app.api.get<Message>(talk.path(`/${third.reply}`), talk.user);
    expect(earlier.body).toMatchObject({ status: 'completed', version: 1, lastVersion: 1, versionOf: null });

    await talk.turn('four');
    const texts = contentsFor(app, 'four');
    expect(texts).toHaveLength(7);
    expect(texts.filter((text) => text === 'three')).toHaveLength(1);
    const rooms = await app.api.get<{ version: number }>(`/v1/chatrooms/${talk.room.id}`, talk.user);
    expect(rooms.body.version).toBe(2);
  });

  it('in the middle begins the conversation anew from there', async () => {
    const talk = await Conversation.begin(app);
    const { body } = await talk.regenerate(talk.at(0).reply);
    await talk.reply(body);
    expect(contentsFor(app, 'one')).toHaveLength(1);
    expect(await talk.ids()).toEqual([talk.at(0).prompt, body.reply.id]);
    expect(await talk.ids('?version=1')).toEqual(flat(talk.turns));
    await talk.turn('another way');
    expect(contentsFor(app, 'another way')).toHaveLength(3);
  });

  it('is a charge of its own, once, and given back when it fails; the first one stays paid', async () => {
    const talk = await Conversation.begin(app, 'basic', ['one']);
    expect(await talk.used()).toBe(1);
    const again = await talk.regenerate(talk.at(0).reply);
    expect(again.headers.get('ratelimit-remaining')).toBe('6');
    await talk.reply(again.body);
    expect(await talk.used()).toBe(2);
    app.gemini.misbehave({ kind: 'invalid' });
    const failing = await talk.regenerate(again.body.reply.id);
    expect(await talk.reply(failing.body)).toMatchObject({ status: 'failed' });
    app.gemini.behave();
    expect(await talk.used()).toBe(2);
    const { rows } = await app.database.query<{ id: string }>(
      'SELECT id FROM prompt_charges WHERE user_id = $1',
      [talk.user.id],
    );
    const replies = await app.database.query<{ charge_id: string }>(
      `SELECT charge_id FROM messages WHERE user_id = $1 AND role = 'model' AND status = 'completed'`,
      [talk.user.id],
    );
    expect(rows.map(({ id }) => id).sort()).toEqual(replies.rows.map((row) => row.charge_id).sort());
    // What it was to replace is there again, and so can be replaced again.
    const last = await talk.regenerate(again.body.reply.id);
    expect(await talk.reply(last.body)).toMatchObject({ status: 'completed' });
    expect(await talk.used()).toBe(3);
    expect(await talk.ids(`/${last.body.reply.id}/versions`)).toHaveLength(4);
  });

  it('that comes to nothing gives its place back: the conversation goes on as it was', async () => {
    const talk = await Conversation.begin(app);
    const before = await talk.ids();
    app.gemini.misbehave({ kind: 'blocked-prompt' });
    const blocked = await talk.regenerate(talk.at(0).reply);
    expect(await talk.reply(blocked.body)).toMatchObject({ status: 'blocked', version: 2, lastVersion: 1 });
    expect(await talk.ids()).toEqual(before);
    app.gemini.misbehave({ kind: 'hang' });
    const cancelled = await talk.regenerate(talk.at(1).reply);
    expect(await talk.ids()).toHaveLength(4);
    await app.api.post(talk.path(`/${cancelled.body.reply.id}/cancel`), undefined, talk.user);
    app.gemini.behave();
    for (const list of ['', '?version=1', '?version=3']) expect(await talk.ids(list)).toEqual(before);
    await talk.turn('four');
    expect(contentsFor(app, 'four')).toHaveLength(7);
    expect(await talk.ids(`/${talk.at(0).reply}/versions`)).toEqual([
      talk.at(0).reply,
      blocked.body.reply.id,
    ]);
  });

  it('that fails when the conversation has gone on from it keeps its place', async () => {
    const talk = await Conversation.begin(app);
    app.gemini.misbehave({ kind: 'hang' });
    const { body } = await talk.regenerate(talk.at(2).reply);
    const next = await aPrompt(app, talk.user, talk.room, 'and then');
    await app.api.post(talk.path(`/${body.reply.id}/cancel`), undefined, talk.user);
    app.gemini.behave();
    await talk.reply(next);
    const [prompt] = flat(talk.turns.slice(2));
    expect((await talk.ids()).slice(-4)).toEqual([prompt, body.reply.id, next.prompt.id, next.reply.id]);
  });

  it('is refused at the daily limit, and nothing changes', async () => {
    const talk = await Conversation.begin(app, 'basic', ['1', '2', '3', '4', '5', '6', '7', '8']);
    const before = await talk.ids('', 100);
    for (const answer of [
      await talk.regenerate(talk.at(2).reply),
      await talk.edit(talk.at(2).prompt, 'other'),
    ]) {
      expect(answer).toMatchObject({ status: 429, body: { code: 'DAILY_PROMPT_LIMIT_REACHED' } });
    }
    expect(await talk.ids('', 100)).toEqual(before);
  });

  it('with a key: 20 twins are one reply and one charge, answered alike; the key is not for another reply', async () => {
    const talk = await Conversation.begin(app, 'basic', ['one', 'two']);
    const key = aKey();
    const answers = await times(20, () => talk.regenerate(talk.at(1).reply, key));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.reply.id)).size).toBe(1);
    expect(answers.filter((answer) => !isReplayed(answer))).toHaveLength(1);
    const [first] = answers;
    await talk.reply(first?.body as Accepted);
    const late = await talk.regenerate(talk.at(1).reply, key);
    expect(isReplayed(late)).toBe(true);
    expect(late.body).toMatchObject({
      reply: first?.body.reply as object,
      prompt: first?.body.prompt as object,
    });
    expect(await talk.used()).toBe(3);
    expect((await talk.regenerate(talk.at(0).reply, key)).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  it('without a key: of 5 at once one is accepted, the others change nothing and are not charged', async () => {
    const talk = await Conversation.begin(app, 'basic', ['one', 'two']);
    const answers = await times(5, () => talk.regenerate(talk.at(1).reply));
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted).toHaveLength(1);
    for (const { status, body } of answers.filter((answer) => !accepted.includes(answer))) {
      expect([status, body.code]).toEqual([409, 'MESSAGE_SUPERSEDED']);
    }
    await talk.reply(accepted[0]?.body as Accepted);
    expect(await talk.used()).toBe(3);
  });
});
