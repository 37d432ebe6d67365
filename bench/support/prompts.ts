import type { Request } from '../load/connection.js';
import type { Person } from './people.js';

/** A prompt of usual length: 20 words. */
export const PROMPT =
  'Which three places in Lisbon would you show to somebody who has one day, likes tiles, and cannot walk far?';

export const messagesOf = (room: string): string => `/v1/chatrooms/${room}/messages`;

/** A prompt to each room: to the first one of everybody, then to the second of everybody, … */
export function promptsTo(people: readonly Person[], path = messagesOf): Request[] {
  const rooms = Math.max(...people.map((person) => person.rooms.length));
  return Array.from({ length: rooms }, (_, n) => n).flatMap((n) =>
    people.flatMap(({ token, rooms: ids }): Request[] => {
      const room = ids[n];
      return room === undefined
        ? []
        : [{ method: 'POST', token, path: path(room), body: { content: PROMPT } }];
    }),
  );
}
