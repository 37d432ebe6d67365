import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../common/api-problems.js';
import { CurrentUserId } from '../common/current-user.js';
import { SearchMessagesQuery } from './dto/message-search.request.js';
import type { MessageHitPageResponse } from './dto/message-search.response.js';
import { MessageSearchService } from './message-search.service.js';

@ApiTags('Messages')
@ApiBearerAuth()
@Controller('v1/messages/search')
export class MessageSearchController {
  constructor(private readonly messages: MessageSearchService) {}

  /**
   * Search your messages, best match first
   *
   * @remarks Finds whole words, in prompts and finished replies of all your chatrooms, archived ones too, as the
   * conversations are now: not in earlier versions of them. The same words as on
   * the web: `lisbon hotel` both, `lisbon or porto` one of them, `"old town"` side by side, `-train` not this one.
   */
  @Get()
  @ApiProblems('INVALID_CURSOR')
  list(
    @CurrentUserId() userId: string,
    @Query() query: SearchMessagesQuery,
  ): Promise<MessageHitPageResponse> {
    return this.messages.search(userId, query);
  }
}
