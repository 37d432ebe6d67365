import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../common/api-problems.js';
import { type Client, CurrentClient } from '../common/client.js';
import { CurrentSessionId, CurrentUserId } from '../common/current-user.js';
import { PageQuery } from '../common/page.request.js';
import { Public } from '../common/public.decorator.js';
import { UuidParam } from '../common/uuid-param.js';
import type { ActiveSessionPageResponse } from './dto/active-session.response.js';
import { LogoutAllQuery, RefreshRequest } from './dto/session.request.js';
import type { SessionResponse } from './dto/session.response.js';
import { SessionsService } from './sessions.service.js';

@ApiTags('Auth')
@Controller('v1/auth')
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  /**
   * Get the next access token, and the next refresh token
   *
   * @remarks A refresh token works once. For who did not get the answer it gives the same next one again, for 10 seconds
   * (REFRESH_GRACE_SECONDS), so twins and retries are safe. Used later than that it ends the session, as somebody must
   * have a copy. Both problems mean: sign in again.
   */
  @Public()
  @Post('refresh')
  @HttpCode(200)
  @ApiProblems('REFRESH_TOKEN_INVALID', 'REFRESH_TOKEN_REUSED')
  refresh(@Body() dto: RefreshRequest, @CurrentClient() client: Client): Promise<SessionResponse> {
    return this.sessions.refresh(dto.refreshToken, client);
  }

  /** Sign this device out; its tokens stop at once */
  @ApiBearerAuth()
  @Post('logout')
  @HttpCode(204)
  logout(
    @CurrentUserId() userId: string,
    @CurrentSessionId() sessionId: string,
    @CurrentClient() client: Client,
  ): Promise<void> {
    return this.sessions.logout(userId, sessionId, client);
  }

  /** Sign every device out, this one too unless it is to be kept */
  @ApiBearerAuth()
  @Post('logout-all')
  @HttpCode(204)
  logoutAll(
    @CurrentUserId() userId: string,
    @CurrentSessionId() sessionId: string,
    @CurrentClient() client: Client,
    @Query() { keepCurrent }: LogoutAllQuery,
  ): Promise<void> {
    return this.sessions.logoutAll(userId, sessionId, keepCurrent, client);
  }

  /** The devices on which you are signed in, newest first */
  @ApiBearerAuth()
  @Get('sessions')
  @ApiProblems('INVALID_CURSOR')
  list(
    @CurrentUserId() userId: string,
    @CurrentSessionId() sessionId: string,
    @Query() query: PageQuery,
  ): Promise<ActiveSessionPageResponse> {
    return this.sessions.list(userId, sessionId, query);
  }

  /** Sign one device out; its tokens stop at once */
  @ApiBearerAuth()
  @Delete('sessions/:id')
  @HttpCode(204)
  @ApiProblems('SESSION_NOT_FOUND')
  remove(
    @CurrentUserId() userId: string,
    @UuidParam('id') id: string,
    @CurrentClient() client: Client,
  ): Promise<void> {
    return this.sessions.remove(userId, id, client);
  }
}
