import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import { ApiOkResponse, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../common/public.decorator.js';
import { SkipThrottling } from '../common/throttling.js';
import { HealthResponse } from './dto/health.response.js';
import { Health } from './health.js';

@ApiTags('Health')
@Public()
@SkipThrottling()
@Controller('health')
export class HealthController {
  constructor(private readonly health: Health) {}

  /** The process runs (restart it when this does not answer) */
  @Get('live')
  live(): HealthResponse {
    return this.health.live();
  }

  /** The process can serve people: Postgres and Redis answer (send it traffic while this is 200) */
  @Get('ready')
  @ApiOkResponse({ type: HealthResponse })
  @ApiResponse({
    status: 503,
    type: HealthResponse,
    description: 'Something is down, or the process is stopping',
  })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthResponse> {
    const health = await this.health.ready();
    if (health.status !== 'ok') reply.status(HttpStatus.SERVICE_UNAVAILABLE);
    return health;
  }
}
