import { newId } from '../../src/common/id.js';
import { inParallel } from '../../test/support/random.js';
import { sidOf, theCode, verify } from '../../test/support/sign-in.js';
import type { TestApp } from '../../test/support/test-app.js';

export interface Person {
  id: string;
  mobile: string;
  sessionId: string;
  token: string;
  /** Ids of their rooms. */
  rooms: string[];
}

const AT_ONCE = 16;

let lastNumber = 0;

/** A German mobile number that nobody had before: there are 100 million below this prefix. */
export function nextMobile(): string {
  lastNumber += 1;
  return `+49151${String(lastNumber).padStart(8, '0')}`;
}

/** People who signed up over the API, all of them Pro, with so many titled rooms each. */
export async function somePeople(app: TestApp, count: number, roomsEach: number): Promise<Person[]> {
  const people: Person[] = [];
  await inParallel(
    Array.from({ length: count }, () => nextMobile()),
    AT_ONCE,
    async (mobile) => {
      const { status, body } = await verify(app, mobile, await theCode(app, mobile));
      if (status !== 200) throw new Error(`Could not sign in: ${JSON.stringify(body)}`);
      const { accessToken: token, user } = body;
      people.push({ id: user.id, mobile, sessionId: sidOf(token), token, rooms: [] });
    },
  );
  await app.database.query(`UPDATE users SET tier = 'pro'`);
  await addRooms(app, people, roomsEach);
  return people;
}

/** Rooms with nothing in them, straight into the table. */
export async function addRooms(app: TestApp, people: readonly Person[], roomsEach: number): Promise<void> {
  const rows: { user: string; id: string }[] = [];
  for (const person of people) {
    const ids = Array.from({ length: roomsEach }, () => newId());
    person.rooms.push(...ids);
    rows.push(...ids.map((id) => ({ user: person.id, id })));
  }
  await app.database.query(
    `INSERT INTO chatrooms (user_id, id, title, last_activity_at)
     SELECT user_id, id, 'A room to talk in', now() FROM unnest($1::uuid[], $2::uuid[]) AS room (user_id, id)`,
    [rows.map(({ user }) => user), rows.map(({ id }) => id)],
  );
}
