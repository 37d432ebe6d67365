import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newIdAt } from '../src/common/id.js';
import { admin, adminJson } from './support/admin.js';
import { pay, untilTier } from './support/billing.js';
import { Conversation, flat } from './support/conversation.js';
import { aMobile, aPrompt, aRoom, aUser, type Message, theReply } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { openRedis } from './support/whole-redis.js';

interface Person {
  id: string;
  mobile: string;
  tier: string;
  subscription: { status: string; customerId: string } | null;
  usage: { used: number; limit: number | null };
  sessions: number;
  owed: { id: string; status: string }[];
  failed: { id: string; errorCode: string }[];
}

interface Requeued {
  requeued: { replyId: string; outcome: string; newReplyId?: string; reason?: string }[];
}

const DAY_MS = 86_400_000;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ REPLY_MAX_ATTEMPTS: '1' });
});
afterEach(() => {
  app.gemini.behave();
});
afterAll(() => app.stop());

/** A conversation with two answered turns and one that failed. */
async function aFailure(
  tier: 'basic' | 'pro' = 'basic',
): Promise<{ talk: Conversation; failed: string; prompt: string }> {
  const talk = await Conversation.begin(app, tier, ['one', 'two']);
  const { prompt, reply } = await failedTurn(talk, 'three');
  return { talk, failed: reply, prompt };
}

async function failedTurn(talk: Conversation, content: string): Promise<{ prompt: string; reply: string }> {
  app.gemini.misbehave({ kind: 'invalid' });
  const accepted = await aPrompt(app, talk.user, talk.room, content);
  expect(await talk.reply(accepted)).toMatchObject({ status: 'failed' });
  app.gemini.behave();
  return { prompt: accepted.prompt.id, reply: accepted.reply.id };
}

const requeue = (...args: string[]): Promise<Requeued> => adminJson(app, ['requeue-replies', ...args]);

const theMessage = async (talk: Conversation, id: string): Promise<Message> =>
  (await app.api.get<Message>(`${talk.path(`/${id}`)}?wait=30`, talk.user)).body;

const chargesOf = async (userId: string): Promise<string[]> => {
  const { rows } = await app.database.query<{ id: string }>(
    'SELECT id FROM prompt_charges WHERE user_id = $1 ORDER BY id',
    [userId],
  );
  return rows.map(({ id }) => id);
};

describe('the command line', () => {
  it('says on demand what there is, and ends with 0', async () => {
    const { code, stdout, stderr } = await admin({ env: {} }, ['user', '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of ['user', 'replay-webhooks', 'reconcile', 'requeue-replies', 'prune']) {
      expect(stdout).toContain(`  ${command} `);
    }
  });

  it('says of what it does not understand what is wrong, with the help, on standard error, and ends with 2', async () => {
    const { code, stdout, stderr } = await admin({ env: {} }, ['prune', '--all']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Unknown option '--all'.*\n\nnpm run admin -- <command>/);
  });

  it('without its settings or its database says so, ends with 1, and tells no secret', async () => {
    expect(await admin({ env: {} }, ['prune'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('DATABASE_URL is not set'),
    });
    const away = await admin(app, ['prune'], {
      DATABASE_URL: 'postgres://chat:secret-7f3a@127.0.0.1:1/chat',
    });
    expect(away).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('ECONNREFUSED') });
    expect(away.stderr).not.toContain('secret-7f3a');
  });
});

describe('user', () => {
  it('says by number or id what is known, without name, number or anything secret', async () => {
    const { talk, failed } = await aFailure();
    const { user } = talk;
    await app.api.patch('/v1/users/me', { displayName: 'Ada of Somewhere' }, user);
    await pay(app, user);
    await untilTier(app, user, 'pro');
    app.gemini.misbehave({ kind: 'hang' });
    const owed = await aPrompt(app, user, await aRoom(app, user), 'words of mine');

    const person = await adminJson<Person>(app, ['user', user.id]);
    expect(person).toMatchObject({
      ...{ id: user.id, mobile: `${user.mobile.slice(0, 3)}*******${user.mobile.slice(-2)}`, tier: 'pro' },
      subscription: { status: 'active', customerId: expect.stringMatching(/^cus_/) },
      ...{ usage: { used: 3, limit: null }, sessions: 1 },
      ...{ owed: [{ id: owed.reply.id }], failed: [{ id: failed, errorCode: 'MODEL_REJECTED' }] },
    });
    // As people write it, too.
    const spaced = `${user.mobile.slice(0, 2)} (${user.mobile.slice(2, 5)}) ${user.mobile.slice(5)}`;
    const { code, stdout, stderr } = await admin(app, ['user', spaced]);
    expect(code).toBe(0);
    for (const fact of [user.id, 'pro', 'active', owed.reply.id, failed, 'MODEL_REJECTED']) {
      expect(stdout).toContain(fact);
    }
    for (const said of [JSON.stringify(person), stdout, stderr]) {
      for (const secret of [user.mobile, user.mobile.slice(1), 'Ada', 'words of mine', ...secretsOf(app)]) {
        expect(said).not.toContain(secret);
      }
    }
    await app.api.post(
      `/v1/chatrooms/${owed.prompt.chatroomId}/messages/${owed.reply.id}/cancel`,
      undefined,
      user,
    );
  });

  it('writes a line to the log: which command, whom it concerned', async () => {
    const user = await aUser(app);
    const { stderr } = await admin(app, ['user', user.mobile]);
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ command }) => command === 'user')).toEqual([
      expect.objectContaining({ level: 'info', userId: user.id, ok: true, context: 'Admin' }),
    ]);
  });

  it('of nobody says so, and ends with 1', async () => {
    for (const who of [aMobile(), randomUUID()]) {
      const { code, stdout } = await admin(app, ['user', who]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: 'Nobody has an account with that.\n' });
    }
  });
});

const secretsOf = ({ env }: TestApp): string[] =>
  ['JWT_SECRET', 'STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'GEMINI_API_KEY'].map(
    (name) => env[name] ?? '',
  );

describe('requeue-replies', () => {
  it('has another reply written in the place of one that failed, charged once, to the same day', async () => {
    const { talk, failed, prompt } = await aFailure();
    const yesterday = newIdAt(Date.now() - DAY_MS);
    // It failed yesterday.
    await app.database.query('UPDATE messages SET charge_id = $3 WHERE user_id = $1 AND id = $2', [
      ...[talk.user.id, failed, yesterday],
    ]);
    const [before, used] = [await chargesOf(talk.user.id), await talk.used()];

    const { requeued } = await requeue(failed);
    const [{ newReplyId = '' } = {}] = requeued;
    expect(requeued).toEqual([{ replyId: failed, outcome: 'asked anew', newReplyId: expect.any(String) }]);
    expect(await theMessage(talk, newReplyId)).toMatchObject({
      ...{ status: 'completed', promptId: prompt, versionOf: failed, lastVersion: null },
    });
    expect(await talk.ids()).toEqual([...flat(talk.turns), prompt, newReplyId]);
    // What the person was told once is told for ever.
    expect(await theMessage(talk, failed)).toMatchObject({ status: 'failed', lastVersion: 1 });
    const charged = (await chargesOf(talk.user.id)).filter((id) => !before.includes(id));
    expect(charged).toHaveLength(1);
    expect(charged[0]?.slice(0, 13)).toBe(yesterday.slice(0, 13));
    expect(await talk.used()).toBe(used);
  });

  it('of one that fails again takes nothing, and can be repeated; done twice at once it is done once', async () => {
    const { talk, failed, prompt } = await aFailure();
    const before = await chargesOf(talk.user.id);
    app.gemini.misbehave({ kind: 'invalid' });
    const first = await requeue(failed);
    expect(await theMessage(talk, first.requeued[0]?.newReplyId ?? '')).toMatchObject({ status: 'failed' });
    expect(await chargesOf(talk.user.id)).toEqual(before);
    expect(await talk.ids()).toEqual([...flat(talk.turns), prompt, failed]);

    app.gemini.behave();
    const twice = await Promise.all([1, 2].map(() => admin(app, ['requeue-replies', failed, '--json'])));
    const done = twice.flatMap(({ stdout }) => (JSON.parse(stdout) as Requeued).requeued);
    const anew = done.filter(({ outcome }) => outcome === 'asked anew');
    expect(anew).toHaveLength(1);
    expect(await theMessage(talk, anew[0]?.newReplyId ?? '')).toMatchObject({ status: 'completed' });
    expect(await chargesOf(talk.user.id)).toHaveLength(before.length + 1);
  });

  it('is not stopped by the daily limit of a day that is used up', async () => {
    const { talk, failed } = await aFailure();
    while ((await talk.used()) < 5) await talk.turn('another');
    // Now it is no longer the end of the conversation: another room.
    expect((await admin(app, ['requeue-replies', failed])).code).toBe(1);
    const other = await aFailure();
    await app.database.query(
      `INSERT INTO prompt_charges (user_id, id) SELECT $1, gen_random_uuid() FROM generate_series(1, 5)`,
      [other.talk.user.id],
    );
    const { requeued } = await requeue(other.failed);
    expect(await theMessage(other.talk, requeued[0]?.newReplyId ?? '')).toMatchObject({
      status: 'completed',
    });
  });

  it('leaves alone what the conversation has gone on from, what is final otherwise, and what nobody knows', async () => {
    const { talk, failed } = await aFailure();
    await talk.turn('four');
    const ids = await talk.ids();
    const unknown = randomUUID();
    const answered = talk.at(0).reply;
    const { code, stdout } = await admin(app, ['requeue-replies', failed, answered, unknown, '--json']);
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as Requeued).requeued).toEqual([
      { replyId: failed, outcome: 'left alone', reason: 'the conversation has gone on' },
      { replyId: answered, outcome: 'left alone', reason: expect.stringContaining('no reply') },
      { replyId: unknown, outcome: 'left alone', reason: expect.stringContaining('no reply') },
    ]);
    expect(await talk.ids()).toEqual(ids);
  });

  it('queues one that is owed again, at once', async () => {
    const user = await aUser(app);
    const room = await aRoom(app, user);
    await app.process.stop();
    await app.restart({ PROCESS_ROLE: 'api' });
    const { reply, ...accepted } = await aPrompt(app, user, room);
    const redis = openRedis(app.redis.url);
    try {
      await redis.flushall();
      expect(await requeue(reply.id)).toEqual({ requeued: [{ replyId: reply.id, outcome: 'queued again' }] });
      expect(await redis.exists(`{queue}:replies:${reply.id}`)).toBe(1);
      // A second time is the same as once.
      expect(await requeue(reply.id)).toEqual({ requeued: [{ replyId: reply.id, outcome: 'queued again' }] });
      expect(await redis.zcard('{queue}:replies:prioritized')).toBe(1);
    } finally {
      redis.disconnect();
    }
    await app.process.stop();
    await app.restart();
    expect(await theReply(app, user, { reply, ...accepted })).toMatchObject({ status: 'completed' });
  });

  it('--failed: all of them since then, and no other', async () => {
    await app.database.query(`UPDATE messages SET status = 'blocked' WHERE status = 'failed'`);
    const failures = [await aFailure(), await aFailure(), await aFailure('pro')];
    const gone = await aFailure();
    await gone.talk.turn('four');
    const listed = await adminJson<{ failed: { id: string }[] }>(app, ['requeue-replies']);
    expect(listed.failed.map(({ id }) => id)).toEqual(failures.map(({ failed }) => failed));
    const { requeued } = await requeue('--failed', '--since', '10m');
    expect(requeued.map(({ replyId }) => replyId)).toEqual(failures.map(({ failed }) => failed));
    await Promise.all(
      failures.map(async ({ talk }, at) => {
        const reply = await theMessage(talk, requeued[at]?.newReplyId ?? '');
        expect(reply).toMatchObject({ status: 'completed' });
      }),
    );
    expect(await adminJson(app, ['requeue-replies', '--failed'])).toEqual({ requeued: [] });
  });
});
