import { newId } from '../../src/common/id.js';
import type { TestApp } from '../../test/support/test-app.js';
import type { Person } from './people.js';
import { PROMPT } from './prompts.js';

export interface OwedReply {
  person: Person;
  roomId: string;
  id: string;
}

/** An accepted prompt in each room of these people, straight into the tables: owed, and in no queue until the sweep comes. */
export async function oweReplies(app: TestApp, people: readonly Person[]): Promise<OwedReply[]> {
  const owed = people.flatMap((person) =>
    person.rooms.map((roomId) => ({ person, roomId, promptId: newId(), id: newId() })),
  );
  await app.database.query(
    `WITH owed AS (
       SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) AS owed (user_id, room_id, prompt_id, reply_id)
     ), charges AS (
       INSERT INTO prompt_charges (user_id, id) SELECT user_id, prompt_id FROM owed
     ), prompts AS (
       INSERT INTO messages (user_id, id, chatroom_id, role, content, status, finished_at)
       SELECT user_id, prompt_id, room_id, 'user', $5, 'completed', now() FROM owed
     )
     INSERT INTO messages (user_id, id, chatroom_id, role, content, status, prompt_id, charge_id)
     SELECT user_id, reply_id, room_id, 'model', '', 'pending', prompt_id, prompt_id FROM owed`,
    [
      owed.map(({ person }) => person.id),
      owed.map(({ roomId }) => roomId),
      owed.map(({ promptId }) => promptId),
      owed.map(({ id }) => id),
      PROMPT,
    ],
  );
  return owed;
}
