import type { Page } from '../../common/pagination.js';
import type { MessageHit } from '../message-search.repository.js';
import type { MessageRole } from '../message.entity.js';

export class HighlightPieceResponse {
  /**
   * Plain text as it was written, never markup: show it as text.
   * @example 'Lisbon'
   */
  text!: string;

  /** Whether this is a word that was searched for. */
  match!: boolean;
}

export class MessageHitResponse {
  /**
   * The message: `GET /v1/chatrooms/{chatroomId}/messages/{id}` has all of it.
   * @example '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d'
   */
  id!: string;

  /** @example '0199f2c0-0000-7c11-9f0e-3f1f6a1b2c3d' */
  chatroomId!: string;

  /** @example 'Holiday plans' */
  chatroomTitle!: string | null;

  /** `user`: a prompt. `model`: the reply to one. */
  role!: MessageRole;

  createdAt!: Date;

  /** One or two places of the text, cut into pieces to be shown one after the other; ` … ` stands where text is left out. */
  highlight!: HighlightPieceResponse[];

  static from(hit: MessageHit): MessageHitResponse {
    return {
      id: hit.id,
      chatroomId: hit.chatroomId,
      chatroomTitle: hit.chatroomTitle,
      role: hit.role,
      createdAt: hit.createdAt,
      highlight: hit.highlight.map(({ text, match }) => ({ text, match })),
    };
  }
}

export class MessageHitPageResponse {
  data!: MessageHitResponse[];

  /** Pass it as `cursor`, with the same `q`, for the next page; null on the last one. */
  nextCursor!: string | null;

  static from(page: Page<MessageHit>): MessageHitPageResponse {
    return { data: page.data.map((hit) => MessageHitResponse.from(hit)), nextCursor: page.nextCursor };
  }
}
