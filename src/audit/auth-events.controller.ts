import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../common/api-problems.js';
import { CurrentUserId } from '../common/current-user.js';
import { PageQuery } from '../common/page.request.js';
import { AuthEvents } from './auth-events.js';
import type { AuthEventPageResponse } from './dto/auth-event.response.js';

@ApiTags('Auth')
@ApiBearerAuth()
@Controller('v1/auth/events')
export class AuthEventsController {
  constructor(private readonly events: AuthEvents) {}

  /** What happened to your way in: sign-ins, failures, ended sessions; newest first */
  @Get()
  @ApiProblems('INVALID_CURSOR')
  list(@CurrentUserId() userId: string, @Query() query: PageQuery): Promise<AuthEventPageResponse> {
    return this.events.list(userId, query);
  }
}
