import { Injectable } from '@nestjs/common';
import { ReadReplica } from '../database/read-replica.js';
import { highlight, type HighlightPiece } from './highlight.js';
import type { MessageRole } from './message.entity.js';

export interface MessageHit {
  id: string;
  chatroomId: string;
  chatroomTitle: string | null;
  role: MessageRole;
  createdAt: Date;
  /** Of Postgres' `real`: the same number every time for the same message and words. */
  rank: number;
  highlight: HighlightPiece[];
}

/** As much of a text, and in the same form, as the column `search` is made of. */
const SEARCHED = 50_000;

const PLAIN = `translate($2, '<>', '  ')`;
const WORDS = `websearch_to_tsquery('simple', ${PLAIN})`;

/** Of several hyphens before a word the last counts: for each Postgres would open a level, and it refuses more than 32. */
const withoutRepeatedMinus = (words: string): string => words.replaceAll(/-(?=[^\p{L}\p{N}]*-)/gu, ' ');

/** Divides the rank by the logarithm of the length, or long replies would always come first. */
const BY_LENGTH = 1;

@Injectable()
export class MessageSearchRepository {
  constructor(private readonly replica: ReadReplica) {}

  /**
   * Best match first, the newest first among equals; one hit more than `limit` when there are more. Nothing is found by a
   * query without a word in it (`!?`). Only the texts on the page are read.
   */
  async search(
    userId: string,
    words: string,
    limit: number,
    [rank, id]: readonly (string | undefined)[] = [],
  ): Promise<MessageHit[]> {
    const rows = await this.replica.read((manager) =>
      manager.query<(Omit<MessageHit, 'highlight'> & { text: string; words: string[] })[]>(
        `SELECT message.id, message.chatroom_id AS "chatroomId", room.title AS "chatroomTitle", message.role,
              message.created_at AS "createdAt", hit.rank,
              left(message.content, ${SEARCHED}) AS text, tsvector_to_array(to_tsvector('simple', ${PLAIN})) AS words
       FROM (
         SELECT id, rank FROM (
           SELECT id, ts_rank(search, ${WORDS}, ${BY_LENGTH}) AS rank FROM messages
           WHERE user_id = $1 AND search @@ ($3::tsquery && ${WORDS}) AND numnode(${WORDS}) > 0
             AND status IN ('completed', 'cancelled') AND content <> '' AND last_version IS NULL
         ) ranked
         WHERE $4::real IS NULL OR (rank, id) < ($4::real, $5::uuid)
         ORDER BY rank DESC, id DESC LIMIT $6
       ) hit
       JOIN messages message ON message.user_id = $1 AND message.id = hit.id
       JOIN chatrooms room ON room.user_id = $1 AND room.id = message.chatroom_id
       ORDER BY hit.rank DESC, hit.id DESC`,
        [
          userId,
          withoutRepeatedMinus(words),
          // The word that stands for the owner; see Message.search.
          `' ${userId}'`,
          rank ?? null,
          id ?? null,
          limit + 1,
        ],
      ),
    );
    return rows.map(({ text, words: found, ...hit }) => ({ ...hit, highlight: highlight(text, found) }));
  }
}
