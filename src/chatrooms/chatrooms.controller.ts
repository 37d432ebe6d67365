import { Body, Controller, Delete, Get, Header, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../common/api-problems.js';
import { CurrentUserId } from '../common/current-user.js';
import { UuidParam } from '../common/uuid-param.js';
import type { IdempotencyClaim } from '../idempotency/idempotent-request.js';
import { ClaimedKey, Idempotent } from '../idempotency/idempotent.decorator.js';
import { ChatroomsService } from './chatrooms.service.js';
import { CreateChatroomRequest, ListChatroomsQuery, UpdateChatroomRequest } from './dto/chatroom.request.js';
import { ChatroomPageResponse, type ChatroomResponse } from './dto/chatroom.response.js';

@ApiTags('Chatrooms')
@ApiBearerAuth()
@Controller('v1/chatrooms')
export class ChatroomsController {
  constructor(private readonly chatrooms: ChatroomsService) {}

  /**
   * Make a chatroom
   *
   * @remarks Asked for again with the same `Idempotency-Key`, the room comes as it is now; a 404 once it was deleted.
   */
  @Post()
  @Idempotent(ChatroomsService)
  @ApiProblems('CHATROOM_NOT_FOUND')
  create(
    @CurrentUserId() userId: string,
    @ClaimedKey() claim: IdempotencyClaim | null,
    @Body() dto: CreateChatroomRequest,
  ): Promise<ChatroomResponse> {
    return this.chatrooms.create(userId, dto, claim);
  }

  /** Your chatrooms, pinned ones and then latest activity first */
  @Get()
  @Header('content-type', 'application/json; charset=utf-8')
  @ApiOkResponse({ type: ChatroomPageResponse })
  @ApiProblems('INVALID_CURSOR')
  list(@CurrentUserId() userId: string, @Query() query: ListChatroomsQuery): Promise<string> {
    return this.chatrooms.list(userId, query);
  }

  /** One chatroom */
  @Get(':id')
  @ApiProblems('CHATROOM_NOT_FOUND')
  get(@CurrentUserId() userId: string, @UuidParam('id') id: string): Promise<ChatroomResponse> {
    return this.chatrooms.get(userId, id);
  }

  /** Change, pin or archive a chatroom */
  @Patch(':id')
  @ApiProblems('CHATROOM_NOT_FOUND')
  update(
    @CurrentUserId() userId: string,
    @UuidParam('id') id: string,
    @Body() dto: UpdateChatroomRequest,
  ): Promise<ChatroomResponse> {
    return this.chatrooms.update(userId, id, dto);
  }

  /** Delete a chatroom with all its messages */
  @Delete(':id')
  @HttpCode(204)
  @ApiProblems('CHATROOM_NOT_FOUND')
  remove(@CurrentUserId() userId: string, @UuidParam('id') id: string): Promise<void> {
    return this.chatrooms.remove(userId, id);
  }
}
