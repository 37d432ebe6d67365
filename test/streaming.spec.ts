import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findFreePort } from '../local/services/ports.js';
import { AppProcess } from './support/app-process.js';
import {
  type Accepted,
  aPrompt,
  aRoom,
  aUser,
  type Message,
  type SignedIn,
  theReply,
} from './support/factories.js';
import { SseClient } from './support/sse.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';
import { keys } from '../src/redis/keys.js';
import { openRedis } from './support/whole-redis.js';

let app: TestApp;
let user: SignedIn;

beforeAll(async () => {
  app = await startTestApp();
  user = await aUser(app, { tier: 'pro' });
});
afterAll(() => app.stop());

type Streamed = Accepted & { streamUrl: string };

const prompt = async (content: string): Promise<Streamed> =>
  (await aPrompt(app, user, await aRoom(app, user), content)) as Streamed;

const watch = (accepted: Streamed, headers?: Record<string, string>, url = app.api.url): Promise<SseClient> =>
  SseClient.open(url + accepted.streamUrl, headers);

const deltas = (client: SseClient) => client.events.filter(({ event }) => event === 'delta');

describe('a stream', () => {
  it('shows the reply as it is written, ends by itself, and says what is stored', async () => {
    app.gemini.pace({ firstTokenMs: 100, chunkMs: 20 });
    const accepted = await prompt('Tell me about tides');
    const client = await watch(accepted);
    expect(client.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(client.response.headers.get('cache-control')).toBe('no-store, no-transform');
    await client.end();
    const reply = await theReply(app, user, accepted);
    expect(deltas(client).length).toBeGreaterThan(2);
    expect(client.text).toBe(reply.content);
    expect(client.events.at(-1)).toMatchObject({ event: 'done', data: reply });
    expect(new Set(client.events.map(({ id }) => id)).size).toBe(client.events.length);
  });

  it('is the same for many people, for latecomers, and from another process', async () => {
    app.gemini.pace({ firstTokenMs: 200, chunkMs: 30 });
    const port = String(await findFreePort());
    const other = await AppProcess.start({ ...app.env, PORT: port, PROCESS_ROLE: 'api' });
    try {
      const accepted = await prompt('Tell me about the moon');
      const early = await Promise.all(Array.from({ length: 20 }, () => watch(accepted)));
      await until('a first part is there', () => early.every((client) => deltas(client).length > 0));
      const late = [await watch(accepted), await watch(accepted, {}, other.url)];
      await Promise.all([...early, ...late].map((client) => client.end()));
      for (const client of [...early, ...late]) expect(client.events).toEqual(early[0]?.events);
    } finally {
      await other.kill();
    }
  });

  it.each(['Last-Event-ID', 'lastEventId'])('is resumed exactly where it was left, by %s', async (how) => {
    app.gemini.pace({ firstTokenMs: 50, chunkMs: 30 });
    const accepted = await prompt('Tell me about rain');
    const first = await watch(accepted);
    await until('a part is there', () => deltas(first).length >= 2);
    first.leave();
    await first.end();
    const seen = first.events.at(-1)?.id ?? '';
    const second =
      how === 'Last-Event-ID'
        ? await watch(accepted, { 'last-event-id': seen })
        : await SseClient.open(`${app.api.url}${accepted.streamUrl}&lastEventId=${seen}`);
    await second.end();
    const whole = await watch(accepted);
    await whole.end();
    expect([...first.events, ...second.events]).toEqual(whole.events);
  });

  it('that has ended tells a browser that connects again to stop', async () => {
    app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
    const client = await watch(await prompt('Hello'));
    const { id } = await client.the('done');
    const again = await fetch(client.response.url, { headers: { 'last-event-id': id } });
    expect(again.status).toBe(204);
  });

  it('that has expired is replaced by the stored message', async () => {
    const accepted = await prompt('Hello');
    const reply = await theReply(app, user, accepted);
    const redis = openRedis(app.redis.url);
    await redis.flushall();
    redis.disconnect();
    const client = await watch(accepted);
    await client.end();
    expect(client.events).toEqual([{ id: 'stored', event: 'done', data: reply }]);
    expect((await fetch(client.response.url, { headers: { 'last-event-id': 'stored' } })).status).toBe(204);
  });

  it('that never said that it had ended shows its words, and then the stored message', async () => {
    app.gemini.pace({ firstTokenMs: 0, chunkMs: 40 });
    const accepted = await prompt('Tell me about clouds');
    const reply = await theReply(app, user, accepted);
    const whole = await watch(accepted);
    await whole.end();
    const { id } = await whole.the('done');
    const redis = openRedis(app.redis.url);
    await redis.xdel(keys.replyStream(accepted.reply.id), id);
    redis.disconnect();
    const client = await watch(accepted);
    await client.end();
    expect(client.events).toEqual([...deltas(whole), { id: 'stored', event: 'done', data: reply }]);
  });

  it('tells of a new attempt, and of a failure with its reason', async () => {
    app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
    const retried = await watch(await prompt('Again please [[reset x1]]'));
    expect((await retried.the('done')).data).toMatchObject({ content: retried.text });
    expect(retried.events.map(({ event }) => event)).toContain('restart');
    const blocked = await watch(await prompt('[[block]]'));
    expect((await blocked.the('error')).data).toMatchObject({
      code: 'PROMPT_BLOCKED',
      reply: { status: 'blocked' },
    });
    await blocked.end();
  });

  it('goes on from the beginning when Redis loses it in the middle', async () => {
    app.gemini.pace({ firstTokenMs: 50, chunkMs: 40 });
    const accepted = await prompt('Tell me about the sea');
    const client = await watch(accepted);
    await until('a part is there', () => deltas(client).length >= 2);
    const redis = openRedis(app.redis.url);
    await redis.del(keys.replyStream(accepted.reply.id));
    redis.disconnect();
    const { data } = await client.the('done');
    expect(client.events.map(({ event }) => event)).toContain('restart');
    expect(client.text).toBe((data as Message).content);
  });
});

describe('who may watch', () => {
  it('the owner with a token, and the holder of a ticket for this message', async () => {
    const accepted = await prompt('Hello');
    const path = `${accepted.links.reply}/stream`;
    const [room] = [accepted.reply.chatroomId];
    const stranger = await aUser(app);
    expect((await app.api.get(path)).status).toBe(401);
    expect((await app.api.get(path, { token: stranger.token })).status).toBe(404);
    expect((await app.api.get(path, { token: user.token })).status).toBe(200);
    const ticket = new URL(accepted.streamUrl, app.api.url).searchParams.get('ticket') ?? '';
    const flipped = (ticket.startsWith('A') ? 'B' : 'A') + ticket.slice(1);
    for (const bad of ['', 'x', flipped, ticket.slice(0, -4), `${ticket}AAAA`]) {
      expect((await app.api.get(`${path}?ticket=${bad}`)).status).toBe(401);
    }
    const promptPath = `/v1/chatrooms/${room}/messages/${accepted.prompt.id}/stream`;
    expect((await app.api.get(`${promptPath}?ticket=${ticket}`)).status).toBe(401);
    expect((await app.api.get(`${accepted.links.reply}?ticket=${ticket}`)).status).toBe(401);
    expect((await app.api.get(`${path}?ticket=${ticket}&lastEventId=nonsense`)).status).toBe(400);
  });
});

describe('cancelling', () => {
  const cancel = (accepted: Streamed, token = user.token) =>
    app.api.post<Message>(`${accepted.links.reply}/cancel`, undefined, { token });

  it('keeps the text there is, ends the streams and the call, and can be repeated', async () => {
    app.gemini.pace({ firstTokenMs: 0, chunkMs: 300 });
    const accepted = await prompt('A long story please');
    const client = await watch(accepted);
    await until('a part is there', () => deltas(client).length >= 2);
    const [{ status, body }, twin] = await Promise.all([cancel(accepted), cancel(accepted)]);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'cancelled', promptId: accepted.prompt.id });
    expect(body.finishedAt).not.toBeNull();
    expect(body.content).not.toBe('');
    expect(twin.body).toEqual(body);
    expect((await client.the('done')).data).toEqual(body);
    expect(client.text).toBe(body.content);
    await until('the call is given up', () => app.gemini.openRequests === 0);
    expect((await cancel(accepted)).body).toEqual(body);
    expect(await theReply(app, user, accepted)).toEqual(body);
  });

  it('before the first token charges nothing, and lets the next prompt of the room go on', async () => {
    app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
    const basic = await aUser(app);
    const room = await aRoom(app, basic);
    app.gemini.misbehave({ kind: 'hang' });
    const first = (await aPrompt(app, basic, room, 'one')) as Streamed;
    await until('the model is asked', () => app.gemini.openRequests === 1);
    const second = (await aPrompt(app, basic, room, 'two')) as Streamed;
    expect((await cancel(first, basic.token)).body).toMatchObject({ status: 'cancelled', content: '' });
    await until('the silent call is given up', () => app.gemini.openRequests === 0, 5_000);
    expect(await theReply(app, basic, second)).toMatchObject({ status: 'completed' });
    expect((await app.api.get('/v1/users/me/usage', { token: basic.token })).body).toMatchObject({ used: 1 });
    const stored = await app.database.query('SELECT 1 FROM prompt_charges WHERE user_id = $1', [basic.id]);
    expect(stored.rowCount).toBe(1);
  });

  it('is for the owner alone, and leaves a finished reply as it is', async () => {
    app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
    const accepted = await prompt('Hello');
    const reply = await theReply(app, user, accepted);
    expect((await cancel(accepted, (await aUser(app)).token)).status).toBe(404);
    expect((await cancel(accepted)).body).toEqual(reply);
  });
});

it('deleting a room stops what is written in it, tells who watches, and leaves neither text nor jobs behind', async () => {
  app.gemini.pace({ firstTokenMs: 0, chunkMs: 300 });
  const accepted = await prompt('Soon to be deleted');
  const client = await watch(accepted);
  await until('a part is there', () => deltas(client).length >= 1);
  const redis = openRedis(app.redis.url);
  const waiting = await aPrompt(app, user, { id: accepted.reply.chatroomId }, 'Waits for its turn');
  const job = `{queue}:replies:${waiting.reply.id}`;
  expect(await redis.exists(job)).toBe(1);
  expect((await app.api.delete(`/v1/chatrooms/${accepted.reply.chatroomId}`, user)).status).toBe(204);
  expect(await redis.exists(job)).toBe(0);
  expect((await client.the('error')).data).toMatchObject({ code: 'MESSAGE_NOT_FOUND' });
  await client.end();
  await until('the call is given up', () => app.gemini.openRequests === 0);
  const left = await redis.xrange(keys.replyStream(accepted.reply.id), '-', '+');
  redis.disconnect();
  expect(left.map(([, fields]) => fields.at(-1))).toEqual(['']);
});
