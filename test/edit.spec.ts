import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from './support/api.js';
import { Conversation, contentsFor, flat } from './support/conversation.js';
import { aPrompt } from './support/factories.js';
import { times } from './support/keyed.js';
import { theProblem } from './support/problem.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ BASIC_DAILY_PROMPTS: '8' });
});
afterEach(() => {
  app.gemini.behave();
  app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
});
afterAll(() => app.stop());

describe('an edited prompt', () => {
  it('begins the conversation anew from there; every earlier version stays readable', async () => {
    const talk = await Conversation.begin(app);
    const second = await talk.edit(talk.at(1).prompt, 'two, better');
    expect(second.status).toBe(202);
    expect(second.body.prompt).toMatchObject({
      content: 'two, better',
      version: 2,
      versionOf: talk.at(1).prompt,
    });
    expect(second.body.reply).toMatchObject({ versionOf: null, promptId: second.body.prompt.id, version: 2 });
    await talk.reply(second.body);
    const texts = contentsFor(app, 'two, better');
    expect([texts.length, texts[0]]).toEqual([3, 'one']);
    const third = await talk.edit(second.body.prompt.id, 'two, best');
    await talk.reply(third.body);
    const first = talk.at(0);
    const v2 = [first.prompt, first.reply, second.body.prompt.id, second.body.reply.id];
    const v3 = [first.prompt, first.reply, third.body.prompt.id, third.body.reply.id];
    expect(await talk.ids()).toEqual(v3);
    expect(await talk.ids('?version=3')).toEqual(v3);
    expect(await talk.ids('?version=2')).toEqual(v2);
    expect(await talk.ids('?version=1')).toEqual(flat(talk.turns));
    const versions = [talk.at(1).prompt, second.body.prompt.id, third.body.prompt.id];
    for (const id of versions) expect(await talk.ids(`/${id}/versions`)).toEqual(versions);
    expect(await talk.ids(`/${first.prompt}/versions`)).toEqual([first.prompt]);
  });

  it('is found by its words as the conversation is now', async () => {
    const talk = await Conversation.begin(app, 'pro', ['the giraffe', 'the zebra']);
    await talk.reply((await talk.edit(talk.at(1).prompt, 'the okapi')).body);
    const find = async (q: string) =>
      (await app.api.get<{ data: { id: string }[] }>(`/v1/messages/search?q=${q}`, talk.user)).body.data
        .length;
    expect([await find('giraffe'), await find('zebra'), await find('okapi')]).toEqual([1, 0, 1]);
  });

  it('where prompts came at once takes whole turns, and leaves no prompt without a reply', async () => {
    const talk = await Conversation.begin(app, 'pro', []);
    app.gemini.pace({ firstTokenMs: 50 });
    const sent = await times(6, (n) => aPrompt(app, talk.user, talk.room, `at once ${n}`));
    for (const accepted of sent) await talk.reply(accepted);
    const inOrder = sent.sort((a, b) => (a.reply.id < b.reply.id ? -1 : 1));
    const { body } = await talk.edit(inOrder[3]?.prompt.id ?? '', 'changed');
    await talk.reply(body);
    const ids = await talk.ids();
    const kept = [...inOrder.slice(0, 3), body].flatMap(({ prompt, reply }) => [prompt.id, reply.id]);
    expect(ids.sort()).toEqual(kept.sort());
    expect(contentsFor(app, 'changed')).toHaveLength(7);
  });
});

describe('what cannot be begun anew', () => {
  it('is refused with its reason, changes nothing and is not charged', async () => {
    const talk = await Conversation.begin(app, 'basic', ['one', 'two']);
    const other = await Conversation.begin(app, 'basic', ['theirs']);
    const before = await talk.ids();
    const nobodys = '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d';
    const elsewhere = `/v1/chatrooms/${nobodys}/messages/${talk.at(0).prompt}`;
    const refused: [Answer<unknown>, number, string][] = [
      [await talk.regenerate(talk.at(0).prompt), 409, 'NOT_A_REPLY'],
      [await talk.edit(talk.at(0).reply, 'x'), 409, 'NOT_A_PROMPT'],
      [await talk.regenerate(nobodys), 404, 'MESSAGE_NOT_FOUND'],
      [await talk.edit(nobodys, 'x'), 404, 'MESSAGE_NOT_FOUND'],
      [await app.api.put(elsewhere, { content: 'x' }, talk.user), 404, 'MESSAGE_NOT_FOUND'],
      [
        await app.api.post(other.path(`/${other.at(0).reply}/regenerate`), undefined, talk.user),
        404,
        'MESSAGE_NOT_FOUND',
      ],
      [await app.api.get(other.path(`/${other.at(0).reply}/versions`), talk.user), 404, 'MESSAGE_NOT_FOUND'],
      [await talk.edit(other.at(0).prompt, 'x'), 404, 'MESSAGE_NOT_FOUND'],
      [await talk.edit(talk.at(0).prompt, '   '), 400, 'VALIDATION_FAILED'],
      [await talk.edit('one', 'x'), 400, 'VALIDATION_FAILED'],
      [await app.api.get(talk.path('?version=0'), talk.user), 400, 'VALIDATION_FAILED'],
      [await app.api.get(talk.path('?version=3000000000'), talk.user), 400, 'VALIDATION_FAILED'],
    ];
    for (const [answer, status, code] of refused) theProblem(answer, status, code);
    expect(await talk.ids()).toEqual(before);
    expect(await talk.used()).toBe(2);
  });

  it('while a reply is being written: the answer says to wait or cancel, and after a cancel it works', async () => {
    const talk = await Conversation.begin(app, 'basic', ['one']);
    app.gemini.misbehave({ kind: 'stall' });
    const running = await aPrompt(app, talk.user, talk.room, 'two');
    await until('the model is asked', () => app.gemini.openRequests === 1);
    for (const answer of [
      await talk.edit(talk.at(0).prompt, 'x'),
      await talk.regenerate(talk.at(0).reply),
      await talk.regenerate(running.reply.id),
      await talk.edit(running.prompt.id, 'x'),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([409, 'REPLY_UNFINISHED']);
      expect(answer.body.detail).toMatch(/cancel/);
    }
    await app.api.post(talk.path(`/${running.reply.id}/cancel`), undefined, talk.user);
    app.gemini.behave();
    const again = await talk.regenerate(running.reply.id);
    expect(await talk.reply(again.body)).toMatchObject({ status: 'completed' });
    expect(await talk.ids()).toEqual([...flat(talk.turns), running.prompt.id, again.body.reply.id]);
  });

  it('a room that is deleted meanwhile: either comes first, and nobody gets a 500', async () => {
    const talk = await Conversation.begin(app, 'pro', ['one', 'two']);
    const [deleted, ...answers] = await Promise.all([
      app.api.delete(`/v1/chatrooms/${talk.room.id}`, talk.user),
      ...[1, 2, 3].map(() => talk.regenerate(talk.at(0).reply)),
      talk.edit(talk.at(1).prompt, 'x'),
    ]);
    expect(deleted.status).toBe(204);
    for (const { status } of answers) expect([202, 404, 409]).toContain(status);
    const { rows } = await app.database.query('SELECT 1 FROM messages WHERE user_id = $1', [talk.user.id]);
    expect(rows).toEqual([]);
  });
});
