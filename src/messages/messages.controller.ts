import { Body, Controller, Get, HttpCode, Post, Put, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../common/api-problems.js';
import { CurrentUserId } from '../common/current-user.js';
import { PageQuery } from '../common/page.request.js';
import { UuidParam } from '../common/uuid-param.js';
import type { IdempotencyClaim } from '../idempotency/idempotent-request.js';
import { ClaimedKey } from '../idempotency/idempotent.decorator.js';
import type { Charge } from '../quota/quota.service.js';
import { ChargesPrompt, ReservedCharge } from '../quota/tier-limit.guard.js';
import { GetMessageQuery, ListMessagesQuery, SendMessageRequest } from './dto/message.request.js';
import type { MessagePageResponse, MessageResponse, PromptAcceptedResponse } from './dto/message.response.js';
import { MessagesService } from './messages.service.js';
import { PromptsService } from './prompts.service.js';
import { VERSION_PROBLEMS } from './refusal.js';
import { ReplyWaitService } from './reply-wait.service.js';

@ApiTags('Messages')
@ApiBearerAuth()
@ApiProblems('CHATROOM_NOT_FOUND')
@Controller('v1/chatrooms/:chatroomId/messages')
export class MessagesController {
  constructor(
    private readonly prompts: PromptsService,
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
  @ChargesPrompt(PromptsService)
  @ApiProblems('ROOM_UNANSWERED_LIMIT_REACHED', 'USER_UNANSWERED_LIMIT_REACHED')
  send(
    @CurrentUserId() userId: string,
    @UuidParam('chatroomId') chatroomId: string,
    @ReservedCharge() charge: Charge,
    @ClaimedKey() claim: IdempotencyClaim | null,
    @Body() dto: SendMessageRequest,
  ): Promise<PromptAcceptedResponse> {
    return this.prompts.accept(userId, chatroomId, {
      ...{ charge, content: dto.content, replaces: null, claim },
    });
  }

  /**
   * Edit a prompt
   *
   * @remarks The conversation goes on from the new text: what followed the old one goes out of sight and out of what the
   * model reads. It stays: `?version=` lists the conversation as it was, `/versions` the texts of this prompt. Counts
   * against the daily limit as a new prompt does.
   */
  @Put(':id')
  @HttpCode(202)
  @ChargesPrompt(PromptsService)
  @ApiProblems(...VERSION_PROBLEMS, 'NOT_A_PROMPT')
  edit(
    @CurrentUserId() userId: string,
    @UuidParam('chatroomId') chatroomId: string,
    @UuidParam('id') id: string,
    @ReservedCharge() charge: Charge,
    @ClaimedKey() claim: IdempotencyClaim | null,
    @Body() dto: SendMessageRequest,
  ): Promise<PromptAcceptedResponse> {
    return this.prompts.accept(userId, chatroomId, { charge, content: dto.content, replaces: id, claim });
  }

  /** The conversation, newest message first */
  @Get()
  @ApiProblems('INVALID_CURSOR')
  list(
    @CurrentUserId() userId: string,
    @UuidParam('chatroomId') chatroomId: string,
    @Query() query: ListMessagesQuery,
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

  /** All versions of a message, newest first: the texts of a prompt, or the replies to it */
  @Get(':id/versions')
  @ApiProblems('MESSAGE_NOT_FOUND', 'INVALID_CURSOR')
  versions(
    @CurrentUserId() userId: string,
    @UuidParam('chatroomId') chatroomId: string,
    @UuidParam('id') id: string,
    @Query() query: PageQuery,
  ): Promise<MessagePageResponse> {
    return this.messages.versions(userId, chatroomId, id, query);
  }
}
