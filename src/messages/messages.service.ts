import { Injectable } from '@nestjs/common';
import { ChatroomsRepository } from '../chatrooms/chatrooms.repository.js';
import { AppError } from '../common/app-error.js';
import type { PageQuery } from '../common/page.request.js';
import { Cursors } from '../common/pagination.js';
import type { ListMessagesQuery } from './dto/message.request.js';
import { MessagePageResponse, MessageResponse } from './dto/message.response.js';
import type { Message } from './message.entity.js';
import { MessagesRepository } from './messages.repository.js';

/** Messages as people read them. */
@Injectable()
export class MessagesService {
  constructor(
    private readonly messages: MessagesRepository,
    private readonly rooms: ChatroomsRepository,
    private readonly cursors: Cursors,
  ) {}

  /** @throws AppError CHATROOM_NOT_FOUND */
  async list(userId: string, chatroomId: string, query: ListMessagesQuery): Promise<MessagePageResponse> {
    const { version, limit, cursor } = query;
    const list = `messages:${userId}:${chatroomId}:${version ?? ''}`;
    const beforeId = this.position(list, cursor);
    const rows = await this.messages.list(userId, chatroomId, version ?? null, limit, beforeId);
    if (rows.length === 0 && (await this.rooms.find(userId, chatroomId)) === null) {
      throw new AppError('CHATROOM_NOT_FOUND');
    }
    return this.page(list, rows, limit);
  }

  /** @throws AppError MESSAGE_NOT_FOUND */
  async get(userId: string, chatroomId: string, id: string): Promise<MessageResponse> {
    return MessageResponse.from(await this.load(userId, chatroomId, id));
  }

  /**
   * All versions of one message, itself too.
   *
   * @throws AppError MESSAGE_NOT_FOUND
   */
  async versions(
    userId: string,
    chatroomId: string,
    id: string,
    { limit, cursor }: PageQuery,
  ): Promise<MessagePageResponse> {
    const { versionOf } = await this.load(userId, chatroomId, id);
    const list = `versions:${userId}:${versionOf ?? id}`;
    const beforeId = this.position(list, cursor);
    const rows = await this.messages.listVersions(userId, versionOf ?? id, limit, beforeId);
    return this.page(list, rows, limit);
  }

  private async load(userId: string, chatroomId: string, id: string): Promise<Message> {
    const message = await this.messages.find(userId, chatroomId, id);
    if (message === null) throw new AppError('MESSAGE_NOT_FOUND');
    return message;
  }

  private position(list: string, cursor: string | undefined): string | undefined {
    return cursor === undefined ? undefined : this.cursors.decode(list, cursor)[0];
  }

  private page(list: string, rows: Message[], limit: number): MessagePageResponse {
    return MessagePageResponse.from(this.cursors.page(list, rows, limit, (message) => [message.id]));
  }
}
