import { Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import { Cursors } from '../common/pagination.js';
import { Env } from '../config/env.js';
import type { IdempotencyClaim, Replayer } from '../idempotency/idempotent-request.js';
import { ChatroomListCache } from './chatroom-list-cache.js';
import { type ChatroomPosition, ChatroomsRepository, type CreatedOutcome } from './chatrooms.repository.js';
import type {
  CreateChatroomRequest,
  ListChatroomsQuery,
  UpdateChatroomRequest,
} from './dto/chatroom.request.js';
import { ChatroomPageResponse, ChatroomResponse } from './dto/chatroom.response.js';
import { RoomCleanup } from './room-cleanup.js';

@Injectable()
export class ChatroomsService implements Replayer {
  constructor(
    private readonly env: Env,
    private readonly rooms: ChatroomsRepository,
    private readonly cache: ChatroomListCache,
    private readonly cursors: Cursors,
    private readonly cleanup: RoomCleanup,
  ) {}

  async create(
    userId: string,
    dto: CreateChatroomRequest,
    claim: IdempotencyClaim | null,
  ): Promise<ChatroomResponse> {
    this.assertModelIsOffered(dto.model);
    const room = await this.rooms.create(userId, dto, claim);
    await this.cache.invalidate(userId);
    return ChatroomResponse.from(room);
  }

  /** The room that was made, as it is now. */
  replay(userId: string, { roomId }: CreatedOutcome): Promise<ChatroomResponse> {
    return this.get(userId, roomId);
  }

  async get(userId: string, id: string): Promise<ChatroomResponse> {
    const room = await this.rooms.find(userId, id);
    if (room === null) throw new AppError('CHATROOM_NOT_FOUND');
    return ChatroomResponse.from(room);
  }

  /**
   * The page as JSON text: a cached one is not parsed only to be written again. Searches by title are not cached: the
   * next one asks for something else.
   */
  list(userId: string, query: ListChatroomsQuery): Promise<string> {
    const { archived, q: title, limit, cursor } = query;
    // Each filter is a list of its own, with cursors of its own.
    const list = `chatrooms:${userId}:${archived}:${title ?? ''}`;
    const after = cursor === undefined ? undefined : this.position(list, cursor);
    const load = async (): Promise<ChatroomPageResponse> => {
      const rows = await this.rooms.list(userId, { archived, title }, limit, after);
      return ChatroomPageResponse.from(
        this.cursors.page(list, rows, limit, (room) => [
          String(room.pinned),
          room.lastActivityAt.toISOString(),
          room.id,
        ]),
      );
    };
    return title === undefined
      ? this.cache.page(userId, `${archived}:${limit}:${cursor ?? ''}`, load)
      : load().then((page) => JSON.stringify(page));
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
    const removed = await this.rooms.remove(userId, id);
    if (removed === null) throw new AppError('CHATROOM_NOT_FOUND');
    await Promise.all([this.cache.invalidate(userId), this.cleanup.run(userId, removed)]);
  }

  private position(list: string, cursor: string): ChatroomPosition {
    const [pinned, at = '', id = ''] = this.cursors.decode(list, cursor);
    return { pinned: pinned === 'true', lastActivityAt: new Date(at), id };
  }

  private assertModelIsOffered(model: string | null | undefined): void {
    if (model == null || this.env.GEMINI_MODELS.includes(model)) return;
    throw new AppError('VALIDATION_FAILED', {
      errors: [{ path: 'model', message: `model must be one of: ${this.env.GEMINI_MODELS.join(', ')}` }],
    });
  }
}
