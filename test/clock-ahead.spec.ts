import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { idTime, newIdAt } from '../src/common/id.js';
import { aPrompt, aRoom, aUser, theReply } from './support/factories.js';
import { aKey, sendKeyed } from './support/keyed.js';
import { startTestApp, type TestApp } from './support/test-app.js';

/** How far ahead of ours the clock of another process was. */
const AHEAD_MS = 60_000;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

it('what is accepted after a reply from a clock that is ahead comes after it, and is replayed as that', async () => {
  const user = await aUser(app);
  const room = await aRoom(app, user);
  const earlier = await aPrompt(app, user, room, 'first');
  await theReply(app, user, earlier);
  const newest = newIdAt(Date.now() + AHEAD_MS);
  await app.database.query('UPDATE messages SET id = $2 WHERE prompt_id = $1', [earlier.prompt.id, newest]);

  const key = aKey();
  const { body } = await sendKeyed(app, user, room, key);
  expect(body.reply.id > newest).toBe(true);
  expect(idTime(body.reply.id)).toBe(idTime(newest) + 1);
  expect(await theReply(app, user, body)).toMatchObject({ status: 'completed', id: body.reply.id });
  const again = await sendKeyed(app, user, room, key);
  expect(again.body.reply.id).toBe(body.reply.id);
});
