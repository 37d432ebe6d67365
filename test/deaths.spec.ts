import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
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
import { expectAnsweredOnce, finalReplyRow, isCharged, replyRow } from './support/outcomes.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

/** Nobody waits for that. */
const FOREVER_MS = 600_000;

let app: TestApp;
let user: SignedIn;
const workers: AppProcess[] = [];

beforeAll(async () => {
  app = await startTestApp({ QUEUE_LOCK_MS: '1000' });
  user = await aUser(app, { tier: 'pro' });
});
afterEach(() => {
  app.gemini.behave();
  app.gemini.pace({ firstTokenMs: 0, chunkMs: 0 });
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await app.stop();
});

async function aWorker(): Promise<AppProcess> {
  const worker = await AppProcess.start({ ...app.env, PROCESS_ROLE: 'worker' });
  workers.push(worker);
  return worker;
}

/** Sends a prompt in a room of its own. */
const promptOf = async (content: string) => aPrompt(app, user, await aRoom(app, user), content);

/** Waits for the reply on a connection of its own, which a stopping process need not wait for. */
const waitFor = ({ links }: Accepted) =>
  app.api.get<Message>(links.wait, { token: user.token, headers: { connection: 'close' } });

/** Nest ends the process by the signal that it got, once everything is closed; 1 would be an error. */
async function stopInOrder(running: AppProcess): Promise<void> {
  const began = performance.now();
  expect(await running.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(3000);
  expect(complaints(running)).toEqual([]);
}

const callsOf = (prompt: string) =>
  app.gemini.requests.filter(({ body }) => body.contents?.at(-1)?.parts[0]?.text === prompt);

const complaints = (process: AppProcess) =>
  process.logs.filter(({ level, stderr }) => level === 'error' || level === 'fatal' || stderr !== undefined);

it('kill -9 right after a 202, in mid-answer and between two tries: after a restart each reply comes, once', async () => {
  app.gemini.pace({ firstTokenMs: FOREVER_MS });
  const midAnswer = await promptOf('mid-answer');
  const worn = await promptOf('worn');
  await until('the model is asked', () => callsOf('worn').length + callsOf('mid-answer').length === 2);
  // Only now: until its next try the queue is paused.
  const betweenTries = await promptOf('[[429 1 x1]] between tries');
  await until(
    'the first try failed',
    async () =>
      (await replyRow(app.database, betweenTries)).status === 'pending' &&
      callsOf('[[429 1 x1]] between tries').length === 1,
  );
  const waiting = app.api.get<Message>(midAnswer.links.wait, user).catch(() => 'cut off');
  const rightAfter = await promptOf('right after the 202');
  await app.process.kill();
  expect(await waiting).toBe('cut off');
  // As if its workers had died in every try before this one.
  await app.database.query('UPDATE messages SET attempt = 9 WHERE id = $1', [worn.reply.id]);

  app.gemini.pace({ firstTokenMs: 0 });
  const began = performance.now();
  await app.restart();
  const ready = performance.now();
  for (const accepted of [betweenTries, midAnswer, rightAfter]) {
    expect(await theReply(app, user, accepted)).toMatchObject({ status: 'completed' });
    await expectAnsweredOnce(app.database, accepted);
  }
  const [start, answers] = [ready - began, performance.now() - ready].map(Math.round);
  process.stdout.write(`kill -9: ready ${start} ms after the restart, all answered ${answers} ms later\n`);
  expect(callsOf('mid-answer')).toHaveLength(2);

  expect(await theReply(app, user, worn)).toMatchObject({
    status: 'failed',
    error: { code: 'REPLY_INTERRUPTED' },
  });
  expect(callsOf('worn')).toHaveLength(1);
  expect(await isCharged(app.database, worn)).toBe(false);
});

it('a stop lets the replies in flight finish, tells who waits for them, and then ends', async () => {
  app.gemini.pace({ firstTokenMs: 400 });
  const sent = await Promise.all([1, 2, 3].map((n) => promptOf(`in flight ${n}`)));
  const waiting = sent.map(waitFor);
  await until('the model is asked', () => app.gemini.openRequests === 3);
  await stopInOrder(app.process);
  for (const { body } of await Promise.all(waiting)) expect(body.status).toBe('completed');
  for (const accepted of sent) {
    await expectAnsweredOnce(app.database, accepted);
    expect(await replyRow(app.database, accepted)).toMatchObject({ attempt: 1 });
  }
  await app.restart();
});

it('a stop hands back what does not finish in its grace, in time, and the next process answers it', async () => {
  await app.process.stop();
  await app.restart({ SHUTDOWN_GRACE_MS: '50' });
  app.gemini.pace({ firstTokenMs: FOREVER_MS });
  const room = await aRoom(app, user);
  const [first, second] = [
    await aPrompt(app, user, room, 'long 1'),
    await aPrompt(app, user, room, 'long 2'),
  ];
  await until('the model is asked', () => callsOf('long 1').length === 1);
  const waiting = waitFor(first);
  await stopInOrder(app.process);
  expect((await waiting).body.finishedAt).toBeNull();
  expect(await replyRow(app.database, first)).toMatchObject({ status: 'pending' });
  await until('the call is given up', () => callsOf('long 1')[0]?.aborted === true);

  app.gemini.pace({ firstTokenMs: 0 });
  await app.restart();
  for (const accepted of [first, second]) {
    await theReply(app, user, accepted);
    await expectAnsweredOnce(app.database, accepted);
  }
  expect(callsOf('long 2')).toHaveLength(1);
});

it('a room that is deleted while its reply is written: nothing is left, nothing is charged, nobody complains', async () => {
  app.gemini.pace({ firstTokenMs: 300 });
  const accepted = await promptOf('soon gone');
  const { chatroomId } = accepted.prompt;
  await aPrompt(app, user, { ...(await aRoom(app, user)), id: chatroomId }, 'waits for its turn');
  await until('the model is asked', () => callsOf('soon gone').length === 1);
  const waiting = app.api.get(accepted.links.wait, user);
  await app.api.delete(`/v1/chatrooms/${chatroomId}`, user);
  expect(await waiting).toMatchObject({ status: 404, body: { code: 'MESSAGE_NOT_FOUND' } });
  await until('the model is done', () => app.gemini.openRequests === 0);
  await theReply(app, user, await promptOf('another'));
  const { rows } = await app.database.query('SELECT 1 FROM messages WHERE chatroom_id = $1', [chatroomId]);
  expect(rows).toEqual([]);
  expect(await isCharged(app.database, accepted)).toBe(false);
  expect(callsOf('waits for its turn')).toHaveLength(0);
  expect(complaints(app.process)).toEqual([]);
});

it('a worker that slept while another took over changes nothing when it wakes', async () => {
  await app.process.stop();
  await app.restart({ PROCESS_ROLE: 'api' });
  const sleeper = await aWorker();
  // What it is about to write is told apart from what the other writes.
  app.gemini.misbehave({ kind: 'max-tokens' });
  app.gemini.pace({ chunkMs: 100 });
  const accepted = await promptOf('Who answers?');
  await until('the sleeper is at it', () => app.gemini.openRequests === 1);
  sleeper.signal('SIGSTOP');
  app.gemini.pace({ chunkMs: 0 });
  const other = await aWorker();
  await theReply(app, user, accepted);
  const written = await finalReplyRow(app.database, accepted);
  expect(written).toMatchObject({ attempt: 2, finish_reason: 'STOP' });

  await other.stop();
  sleeper.signal('SIGCONT');
  await expectAnsweredOnce(app.database, await promptOf('Are you awake?'));
  // It stops when it is over its old job, too.
  await stopInOrder(sleeper);
  expect(await replyRow(app.database, accepted)).toEqual(written);
  await expectAnsweredOnce(app.database, accepted);
});

it('a stop does not wait for connections that clients keep open', async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await app.process.stop();
  await app.restart({ SHUTDOWN_GRACE_MS: '50' });
  app.gemini.pace({ firstTokenMs: FOREVER_MS });
  const accepted = await promptOf('kept alive');
  await until('the model is asked', () => callsOf('kept alive').length === 1);
  const waiting = app.api.get<Message>(accepted.links.wait, user);
  let ended = false;
  void app.process.stop().then(() => (ended = true));
  expect((await waiting).body.finishedAt).toBeNull();
  await until('the process has ended', () => ended, 3000);
});
