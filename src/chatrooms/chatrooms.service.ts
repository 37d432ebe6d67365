import { Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import { Cursors, type PageQuery } from '../common/pagination.js';
import { Env } from '../config/env.js';
import { ChatroomListCache } from './chatroom-list-cache.js';
import { ChatroomsRepository } from './chatrooms.repository.js';
import type { CreateChatroomRequest, UpdateChatroomRequest } from './dto/chatroom.request.js';
import { ChatroomPageResponse, ChatroomResponse } from './dto/chatroom.response.js';

const LIST = 'chatrooms';

@Injectable()
export class ChatroomsService {
  constructor(
    private readonly env: Env,
    private readonly rooms: ChatroomsRepository,
    private readonly cache: ChatroomListCache,
    private readonly cursors: Cursors,
  ) {}

  async create(userId: string, dto: CreateChatroomRequest): Promise<ChatroomResponse> {
    this.assertModelIsOffered(dto.model);
    const room = await this.rooms.create(userId, dto);
    await this.cache.invalidate(userId);
    return ChatroomResponse.from(room);
  }

  async get(userId: string, id: string): Promise<ChatroomResponse> {
    const room = await this.rooms.find(userId, id);
    if (room === null) throw new AppError('CHATROOM_NOT_FOUND');
    return ChatroomResponse.from(room);
  }

  /** The page as JSON text: a cached one is not parsed only to be written again. */
  list(userId: string, query: PageQuery): Promise<string> {
    const after = query.cursor === undefined ? undefined : this.position(userId, query.cursor);
    const page = `${query.limit}:${query.cursor ?? ''}`;
    return this.cache.page(userId, page, async () => {
      const rows = await this.rooms.list(userId, query.limit, after);
      return ChatroomPageResponse.from(
        this.cursors.page(`${LIST}:${userId}`, rows, query.limit, (room) => [
          room.lastActivityAt.toISOString(),
          room.id,
        ]),
      );
    });
  }

  async update(userId: string, id: string, dto: UpdateChatroomRequest): Promise<ChatroomResponse> {
    this.assertModelIsOffered(dto.model);
    const given = Object.fromEntries(Object.entries(dto).filter(([, value]) => value !== undefined));
    const room = await this.rooms.update(userId, id, given);
    if (room === null) throw new AppError('CHATROOM_NOT_FOUND');
    await this.cache.invalidate(userId);
    return ChatroomResponse.from(room);
  }

  async remove(userId: string, id: string): Promise<void> {
    if (!(await this.rooms.remove(userId, id))) throw new AppError('CHATROOM_NOT_FOUND');
    await this.cache.invalidate(userId);
  }

  private position(userId: string, cursor: string): { lastActivityAt: Date; id: string } {
    const [at = '', id = ''] = this.cursors.decode(`${LIST}:${userId}`, cursor);
    return { lastActivityAt: new Date(at), id };
  }

  private assertModelIsOffered(model: string | null | undefined): void {
    if (model == null || this.env.GEMINI_MODELS.includes(model)) return;
    throw new AppError('VALIDATION_FAILED', {
      errors: [{ path: 'model', message: `model must be one of: ${this.env.GEMINI_MODELS.join(', ')}` }],
    });
  }
}
