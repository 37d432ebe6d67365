import { expect } from '@jest/globals';
import { deleteAccount, deletionCode, keysNaming, untilRemoved } from './account.js';
import { type Accepted, aPrompt, aRoom, type SignedIn } from './factories.js';
import { SseClient } from './sse.js';
import type { TestApp } from './test-app.js';

/** How many rows a deletion removes at a time. */
export const BATCH = 50;

export const DELETION_SETTINGS = {
  ACCOUNT_DELETION_BATCH: String(BATCH),
  ACCOUNT_DELETION_RETRY_BASE_MS: '300',
};

/** Asks for a code and deletes with it. */
export async function deleted(app: TestApp, user: SignedIn): Promise<void> {
  expect((await deleteAccount(app, user, await deletionCode(app, user))).status).toBe(204);
}

/** Puts a conversation into a room that would take long to write over the API. */
export async function fill(app: TestApp, user: SignedIn, roomId: string, messages: number): Promise<void> {
  await app.database.query(
    `INSERT INTO messages (user_id, id, chatroom_id, role, content, status)
     SELECT $1, gen_random_uuid(), $2, 'user', 'word ' || n, 'completed' FROM generate_series(1, $3) n`,
    [user.id, roomId, messages],
  );
}

/**
 * What may name a person after all else is gone, with the seconds until it ends by itself: the count of their requests in
 * this minute, the lease of a request that asked for a session which had ended, a code sent to another number.
 */
const ENDING: [RegExp, number][] = [
  [/^requests:\{/, 60],
  [/^session:/, 30],
  [/^otp:\{\+\d+\}:change-number:/, 300],
  // How often a failure was noted: no more than a clock.
  [/^failures(-alike)?:\{/, 3600],
];

export const isEnding = ([key, seconds]: [string, number]): boolean =>
  ENDING.some(([pattern, longest]) => pattern.test(key) && seconds >= 0 && seconds <= longest);

export async function expectRemoved(app: TestApp, user: SignedIn): Promise<void> {
  await untilRemoved(app, user.id);
  const left = Object.entries(await keysNaming(app, user.id));
  expect(left.filter((entry) => !isEnding(entry))).toEqual([]);
}

/** A person who watches a reply that is being written, and waits for it at the same time. */
export async function aWatchedReply(
  app: TestApp,
  user: SignedIn,
): Promise<{ accepted: Accepted; sse: SseClient; poll: Promise<number> }> {
  const room = await aRoom(app, user);
  const accepted = await aPrompt(app, user, room, '[[stall]] a long story');
  const sse = await SseClient.open(`${app.process.url}${accepted.links.reply}/stream`, {
    authorization: `Bearer ${user.token}`,
  });
  await sse.the('delta');
  // Broken off where the process dies.
  const poll = app.api.get(accepted.links.wait, user).then(
    ({ status }) => status,
    () => 0,
  );
  return { accepted, sse, poll };
}
