import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../common/api-problems.js';
import { CurrentUserId } from '../common/current-user.js';
import { PageQuery } from '../common/page.request.js';
import { UuidParam } from '../common/uuid-param.js';
import { ClaimedKey, type IdempotencyClaim, Idempotent } from '../idempotency/idempotent.decorator.js';
import { ChargesPrompt, ReservedPromptId } from '../quota/tier-limit.guard.js';
import { GetMessageQuery, SendMessageRequest } from './dto/message.request.js';
import type { MessagePageResponse, MessageResponse, PromptAcceptedResponse } from './dto/message.response.js';
import { MessagesService } from './messages.service.js';
import { ReplyWaitService } from './reply-wait.service.js';

@ApiTags('Messages')
@ApiBearerAuth()
@ApiProblems('CHATROOM_NOT_FOUND')
@Controller('v1/chatrooms/:chatroomId/messages')
export class MessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly replies: ReplyWaitService,
  ) {}

  /**
   * Send a prompt
   *
   * @remarks Answers at once with the prompt and its pending reply; fetch the reply at `links.wait`. Counts against the
   * daily limit of the Basic tier, unless the reply fails or is blocked.
   */
  @Post()
  @HttpCode(202)
  @ChargesPrompt()
  @Idempotent(MessagesService)
  @ApiProblems('ROOM_UNANSWERED_LIMIT_REACHED', 'USER_UNANSWERED_LIMIT_REACHED')
  send(
    @CurrentUserId() userId: string,
    @UuidParam('chatroomId') chatroomId: string,
    @ReservedPromptId() promptId: string,
    @ClaimedKey() claim: IdempotencyClaim | null,
    @Body() dto: SendMessageRequest,
  ): Promise<PromptAcceptedResponse> {
    return this.messages.send(userId, chatroomId, { promptId, content: dto.content, claim });
  }

  /** The conversation, newest message first */
  @Get()
  @ApiProblems('INVALID_CURSOR')
  list(
    @CurrentUserId() userId: string,
    @UuidParam('chatroomId') chatroomId: string,
    @Query() query: PageQuery,
  ): Promise<MessagePageResponse> {
    return this.messages.list(userId, chatroomId, query);
  }

  /** One message; with `wait`, a reply as soon as it is final */
  @Get(':id')
  @ApiProblems('MESSAGE_NOT_FOUND')
  get(
    @CurrentUserId() userId: string,
    @UuidParam('chatroomId') chatroomId: string,
    @UuidParam('id') id: string,
    @Query() query: GetMessageQuery,
  ): Promise<MessageResponse> {
    return this.replies.get(userId, chatroomId, id, query.wait);
  }
}
