import type { Redis } from 'ioredis';
import type { RecordedRequest } from '../../local/simulated-gemini/simulated-gemini.js';
import { type Accepted, aPrompt, type Room, type SignedIn, theReply } from './factories.js';
import type { TestApp } from './test-app.js';
import { until } from './until.js';

/** No room of these specs uses it. */
export const TITLE_MODEL = 'gemini-3.5-flash-lite';

/** The calls for a title of what somebody said. */
export const titleCalls = (app: TestApp, said: string): RecordedRequest[] =>
  app.gemini.requests.filter(
    ({ model, body }) => model === TITLE_MODEL && body.contents?.[0]?.parts[0]?.text?.includes(said),
  );

export const readRoom = async (app: TestApp, user: SignedIn, { id }: Room): Promise<Room> =>
  (await app.api.get<Room>(`/v1/chatrooms/${id}`, user)).body;

export const titled = (app: TestApp, user: SignedIn, room: Room): Promise<string> =>
  until('the room has a title', async () => (await readRoom(app, user, room)).title);

/** A prompt that was answered, or not: its reply is final. */
export async function anExchange(
  app: TestApp,
  user: SignedIn,
  room: Room,
  content: string,
): Promise<Accepted> {
  const accepted = await aPrompt(app, user, room, content);
  await theReply(app, user, accepted);
  return accepted;
}

/** Once the worker is done with the reply, and with the title that it may have asked for. */
export const settled = (redis: Redis, room: Room, { reply }: Accepted): Promise<true> =>
  until('nothing is left to do', async () => {
    for (const job of [`replies:${reply.id}`, `titles:${room.id}`])
      if ((await redis.exists(`{queue}:${job}`)) === 1) return false;
    return true;
  });
