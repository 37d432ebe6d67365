import { Injectable } from '@nestjs/common';
import { Cursors } from '../common/pagination.js';
import type { SearchMessagesQuery } from './dto/message-search.request.js';
import { MessageHitPageResponse } from './dto/message-search.response.js';
import { MessageSearchRepository } from './message-search.repository.js';

@Injectable()
export class MessageSearchService {
  constructor(
    private readonly messages: MessageSearchRepository,
    private readonly cursors: Cursors,
  ) {}

  async search(userId: string, { q, limit, cursor }: SearchMessagesQuery): Promise<MessageHitPageResponse> {
    const list = `search:${userId}:${q}`;
    const after = cursor === undefined ? undefined : this.cursors.decode(list, cursor);
    const hits = await this.messages.search(userId, q, limit, after);
    return MessageHitPageResponse.from(
      this.cursors.page(list, hits, limit, (hit) => [String(hit.rank), hit.id]),
    );
  }
}
