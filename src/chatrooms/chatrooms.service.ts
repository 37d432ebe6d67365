import { Injectable, Logger } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import type { PageQuery } from '../common/page.request.js';
import { Cursors } from '../common/pagination.js';
import { Env } from '../config/env.js';
import { QuotaService } from '../quota/quota.service.js';
import { ChatroomListCache } from './chatroom-list-cache.js';
import { ChatroomsRepository } from './chatrooms.repository.js';
import type { CreateChatroomRequest, UpdateChatroomRequest } from './dto/chatroom.request.js';
import { ChatroomPageResponse, ChatroomResponse } from './dto/chatroom.response.js';

const LIST = 'chatrooms';

@Injectable()
export class ChatroomsService {
  private readonly logger = new Logger(ChatroomsService.name);

  constructor(
    private readonly env: Env,
    private readonly rooms: ChatroomsRepository,
    private readonly cache: ChatroomListCache,
    private readonly cursors: Cursors,
    private readonly quota: QuotaService,
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
    const refunded = await this.rooms.remove(userId, id);
    if (refunded === null) throw new AppError('CHATROOM_NOT_FOUND');
    await Promise.all([this.cache.invalidate(userId), this.release(userId, refunded)]);
  }

  private async release(userId: string, promptIds: readonly string[]): Promise<void> {
    try {
      await Promise.all(promptIds.map((promptId) => this.quota.release(userId, promptId)));
    } catch (err) {
      // The room is gone and the charges with it; QuotaService corrects the count in Redis before it matters.
      this.logger.warn({ err, userId }, 'Prompts of a deleted room could not be given back in Redis');
    }
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
