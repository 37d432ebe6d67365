import { ApiProperty } from '@nestjs/swagger';
import type { Page } from '../../common/pagination.js';
import type { Chatroom } from '../chatroom.entity.js';

export class ChatroomResponse {
  /**
   * UUIDv7.
   * @example '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d'
   */
  id!: string;

  /**
   * Null: none, or none yet. A room made without a title gets one within moments of its first reply; `updatedAt` then
   * moves, `lastActivityAt` does not.
   * @example 'Holiday plans'
   */
  title!: string | null;

  /** @example 'You are a patient travel guide. Answer in two sentences.' */
  systemInstruction!: string | null;

  /**
   * Null: the server's default model.
   * @example 'gemini-3.8-flash'
   */
  model!: string | null;

  /**
   * Of the conversation: begins at 1, goes up whenever a prompt is edited or a reply regenerated. The messages of earlier
   * versions stay readable.
   */
  @ApiProperty({ type: 'integer' })
  version!: number;

  /** Pinned rooms come first in every list. */
  pinned!: boolean;

  /** Archived rooms are listed with `?archived=true` alone. A new prompt does not bring a room back. */
  archived!: boolean;

  /** When the newest prompt was sent, or the room was made. Lists are ordered by it, newest first, below the pinned. */
  lastActivityAt!: Date;

  createdAt!: Date;
  updatedAt!: Date;

  static from(room: Chatroom): ChatroomResponse {
    return {
      id: room.id,
      title: room.title,
      systemInstruction: room.systemInstruction,
      model: room.model,
      version: room.version,
      pinned: room.pinned,
      archived: room.archived,
      lastActivityAt: room.lastActivityAt,
      createdAt: room.createdAt,
      updatedAt: room.updatedAt,
    };
  }
}

export class ChatroomPageResponse {
  data!: ChatroomResponse[];

  /** Pass it as `cursor` for the next page; null on the last one. */
  nextCursor!: string | null;

  static from(page: Page<Chatroom>): ChatroomPageResponse {
    return { data: page.data.map((room) => ChatroomResponse.from(room)), nextCursor: page.nextCursor };
  }
}
