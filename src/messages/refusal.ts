import type { AppErrorOptions, ProblemCode } from '../common/app-error.js';

/** Why no reply is owed, and what to do about it. */
export const REFUSALS = {
  CHATROOM_NOT_FOUND: {},
  MESSAGE_NOT_FOUND: {},
  NOT_A_PROMPT: { detail: 'Only prompts can be edited. To have a reply written anew, POST …/regenerate.' },
  NOT_A_REPLY: { detail: 'Only replies can be regenerated. To change a prompt, PUT its new text.' },
  MESSAGE_SUPERSEDED: {
    detail:
      'The conversation was begun anew before this message. List the messages of the room, and take up one of those.',
  },
  REPLY_UNFINISHED: {
    detail:
      'From this message on, a reply is still being written. Wait for it (`?wait=30`) or cancel it, then try again.',
  },
  ROOM_UNANSWERED_LIMIT_REACHED: {
    detail:
      'Wait for a reply in this room (`links.wait` of its prompt) or cancel one, then send this prompt again.',
  },
  USER_UNANSWERED_LIMIT_REACHED: {
    detail:
      'Wait for a reply in any of your rooms (`links.wait` of its prompt) or cancel one, then send this prompt again.',
  },
  /** Answered by what the quota says; see PromptsService. */
  DAILY_PROMPT_LIMIT_REACHED: {},
} as const satisfies Partial<Record<ProblemCode, AppErrorOptions>>;

/** What can be in the way of beginning a version of a conversation, for the documentation of a route. */
export const VERSION_PROBLEMS = [
  'MESSAGE_NOT_FOUND',
  'MESSAGE_SUPERSEDED',
  'REPLY_UNFINISHED',
  'ROOM_UNANSWERED_LIMIT_REACHED',
  'USER_UNANSWERED_LIMIT_REACHED',
] as const satisfies ProblemCode[];

export type Refusal = keyof typeof REFUSALS;

/** Undoes the transaction that was to store an owed reply. */
export class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal);
  }
}
