import { Controller, Get, Headers, HttpCode, Post, Query, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ApiProblems } from '../common/api-problems.js';
import { CurrentUserId } from '../common/current-user.js';
import { Public } from '../common/public.decorator.js';
import { UserThrottlerGuard } from '../common/throttling.js';
import { UuidParam } from '../common/uuid-param.js';
import { StreamQuery } from './dto/message.request.js';
import type { MessageResponse, PromptAcceptedResponse } from './dto/message.response.js';
import type { IdempotencyClaim } from '../idempotency/idempotent-request.js';
import { ClaimedKey } from '../idempotency/idempotent.decorator.js';
import type { Charge } from '../quota/quota.service.js';
import { ChargesPrompt, ReservedCharge } from '../quota/tier-limit.guard.js';
import { PromptsService } from './prompts.service.js';
import { VERSION_PROBLEMS } from './refusal.js';
import { ReplyCancelService } from './reply-cancel.service.js';
import { ReplyWatchService } from './reply-watch.service.js';
import { StreamAccessGuard } from './stream-access.guard.js';

const STREAM_EXAMPLE = `id: 1795406765-0
event: delta
data: {"text":"The tides "}

id: 1795406766-0
event: done
data: {"id":"…","status":"completed","content":"The tides …"}

`;

@ApiTags('Messages')
@ApiBearerAuth()
@ApiProblems('MESSAGE_NOT_FOUND')
@Controller('v1/chatrooms/:chatroomId/messages/:id')
export class RepliesController {
  constructor(
    private readonly watching: ReplyWatchService,
    private readonly cancelling: ReplyCancelService,
    private readonly prompts: PromptsService,
  ) {}

  /**
   * A reply as it is written, as server-sent events
   *
   * @remarks `delta` `{text}`: append it. `restart` `{}`: a new attempt began, throw away what you have. `done`: the whole
   * message, completed or cancelled. `error` `{code, message, reply}`: there is no answer. The stream ends after `done` or
   * `error`. Every event has an id: connect again with the last one to go on exactly there. Once the stream has expired,
   * the stored message is sent. A browser's `EventSource` opens the `streamUrl` of the 202 instead, which needs no header.
   */
  @Get('stream')
  @Public()
  @UseGuards(StreamAccessGuard, UserThrottlerGuard)
  @ApiHeader({ name: 'last-event-id', required: false, description: 'Resume after this event' })
  @ApiOkResponse({
    content: { 'text/event-stream': { schema: { type: 'string', example: STREAM_EXAMPLE } } },
  })
  stream(
    @CurrentUserId() userId: string,
    @UuidParam('chatroomId') chatroomId: string,
    @UuidParam('id') id: string,
    @Query() query: StreamQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.watching.watch(userId, chatroomId, id, lastEventId ?? query.lastEventId, reply);
  }

  /** Stop a reply; the text there is stays. Can be repeated. A reply without any text is not charged */
  @Post('cancel')
  @HttpCode(200)
  cancel(
    @CurrentUserId() userId: string,
    @UuidParam('chatroomId') chatroomId: string,
    @UuidParam('id') id: string,
  ): Promise<MessageResponse> {
    return this.cancelling.cancel(userId, chatroomId, id);
  }

  /**
   * Have another reply written
   *
   * @remarks To the same prompt, also where the last one failed, was blocked or cancelled. The conversation goes on from
   * it: the earlier reply and what followed it go out of sight and out of what the model reads, and stay readable
   * (`?version=`, `/versions`). A reply that comes to nothing (failed, blocked, cancelled before its first word) gives
   * its place back, unless the conversation has gone on from it; then its `lastVersion` is below its `version`. Counts
   * against the daily limit, unless the reply fails or is blocked.
   */
  @Post('regenerate')
  @HttpCode(202)
  @ChargesPrompt(PromptsService)
  @ApiProblems(...VERSION_PROBLEMS, 'NOT_A_REPLY')
  regenerate(
    @CurrentUserId() userId: string,
    @UuidParam('chatroomId') chatroomId: string,
    @UuidParam('id') id: string,
    @ReservedCharge() charge: Charge,
    @ClaimedKey() claim: IdempotencyClaim | null,
  ): Promise<PromptAcceptedResponse> {
    return this.prompts.accept(userId, chatroomId, { charge, content: null, replaces: id, claim });
  }
}
